"""Runs a pipeline to its end, wherever that is."""

from __future__ import annotations

import logging
import time
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions

from zap.beam.labels import label_readably
from zap.beam.portable import run_portable
from zap.beam.telling import telling
from zap.dataflow.cloud import not_taken
from zap.errors import DatasetError

PATIENCE_S = 5.0
_LOG = logging.getLogger(__name__)
_CONSOLE = "https://console.cloud.google.com/dataflow/jobs/{}/{}?project={}"


def run_to_end(pipeline: beam.Pipeline) -> None:
    """Run a pipeline and wait.

    Raises:
        ZapError: the runner refused it, or a job elsewhere failed or was cancelled.
    """
    label_readably(pipeline)
    if type(pipeline.runner).__name__ != "DataflowRunner":
        run_portable(pipeline)
        return
    with telling():
        _run_on_dataflow(pipeline)


def _run_on_dataflow(pipeline: beam.Pipeline) -> None:
    cloud = pipeline.options.view_as(GoogleCloudOptions)
    _LOG.info("Staging packages under %s", cloud.temp_location)
    try:
        result = pipeline.run()
    except Exception as error:
        raise not_taken(error, cloud.project) from error
    if not result.has_job:
        return  # a template was written, which others will launch
    job = result.job_id()
    where = _CONSOLE.format(cloud.region, job, cloud.project)
    _LOG.info("Job %s: %s", job, where)
    try:
        result.wait_until_finish()
    except KeyboardInterrupt:
        _cancel(result, where)
        raise
    except Exception as error:
        if type(error).__name__ != "DataflowRuntimeException":
            raise
        raise DatasetError(
            f"Expected the job to finish. Received: job={job}, "
            f"state={result.state}{_reason(error)}. Its steps and logs: {where}"
        ) from error


def _cancel(result: Any, where: str) -> None:
    """End a job for which nobody waits: nobody would publish what it makes.

    Its workers are waited for, since what they still write would be in the way of the
    next run for the same output.
    """
    try:
        result.cancel()
        _LOG.info("Cancelling; workers take minutes to go. Ctrl-C again leaves them.")
        while not result.is_in_terminal_state():
            time.sleep(PATIENCE_S)
            _ = result.state  # asks anew
    except KeyboardInterrupt:
        return
    except Exception as error:
        _LOG.error("The job could not be cancelled (%s). Do it there: %s", error, where)


def _reason(error: Exception) -> str:
    """What a job's error says, the last line of a worker's traceback, if anything."""
    _, _, said = str(error).partition("Error:\n")
    lines = [line for line in said.splitlines() if line.strip()]
    return f": {lines[-1].strip()}" if lines and lines[-1] != "None" else ""

"""Jobs on Google's Dataflow: checked, given what workers need, and seen to their end.

The pipeline is the same as anywhere. What is particular: workers are machines that have
nothing of this one, so packages are staged for them; a job costs money, so what can be
wrong is looked for first; and it runs elsewhere, so that Ctrl-C here has to end it
there.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions

import zap
from zap.beam.runner import parse_options
from zap.beam.telling import telling
from zap.dataflow.checks import check_job, check_places
from zap.dataflow.cloud import (
    check_buckets,
    check_credentials,
    check_not_running,
    check_packages,
)
from zap.dataflow.defaults import (
    added_options,
    staged_options,
    stages_requirements,
)
from zap.dataflow.staging import stage

RUNNER = "DataflowRunner"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a job is about, beside its pipeline.

    Attributes:
        name: of the generator or application.
        inputs: paths that workers read.
        output: where they write.
        modules: those of the user's own classes that are part of the pipeline.
        dimensions: paths of further tables that workers read.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    modules: tuple[str, ...]
    dimensions: tuple[str, ...] = ()


def runs_on_dataflow(args: Sequence[str]) -> bool:
    """Whether Beam's options name Dataflow."""
    runner = parse_options(args).view_as(StandardOptions).runner
    return bool(runner) and runner.rpartition(".")[2].lower() == RUNNER.lower()


def template_of(args: Sequence[str]) -> str | None:
    """Where the job is to be written instead of being run; None where it is run."""
    location = parse_options(args).view_as(GoogleCloudOptions).template_location
    return str(location) if location and runs_on_dataflow(args) else None


@contextlib.contextmanager
def dataflow_args(args: Sequence[str], job: Job) -> Iterator[tuple[str, ...]]:
    """Beam's options for a job, with Zap's defaults and what workers install.

    Args:
        args: the options that were given.
        job: what it is about.

    Yields:
        The options, whose files are there until the end.

    Raises:
        ZapError: something is wrong that can be known before the job is submitted.
    """
    given = _values(args)
    check_job(given)
    check_places(job.inputs, job.output, job.dimensions)
    check_packages()
    full = [*args, *added_options(given, job.name, job.output, zap.__version__)]
    _ask_cloud(full, job)
    with tempfile.TemporaryDirectory(prefix="zap-staged-") as folder:
        with telling():
            _LOG.info("Packing what workers need")
            staged = stage(
                job.modules,
                Path(folder),
                image=bool(given.get("sdk_container_image")),
                fetched=stages_requirements(given),
            )
        yield (*full, *staged_options(staged, given))


def _values(args: Sequence[str]) -> dict[str, Any]:
    """The options that were given, by name."""
    values: dict[str, Any] = parse_options(args).get_all_options(drop_default=True)
    return values


def _ask_cloud(args: Sequence[str], job: Job) -> None:
    """Check what only the cloud knows."""
    options = parse_options(args)
    cloud = options.view_as(GoogleCloudOptions)
    if not cloud.no_auth:
        check_credentials()
    from apache_beam.runners.dataflow.internal import apiclient

    client = apiclient.DataflowApplicationClient(options, cloud.temp_location)
    places = [("temp_location", cloud.temp_location), ("output", job.output)]
    if cloud.staging_location:
        places.append(("staging_location", cloud.staging_location))
    check_buckets(places, client._storage_client)
    if not cloud.template_location:
        check_not_running(
            client._jobs_client, cloud.project, cloud.region, cloud.job_name, job.output
        )

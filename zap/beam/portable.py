"""Runners that are servers of their own: Flink, Prism, and what they are told.

A user names the runner and where it is; what follows from that is filled in here, and
an option that is given is never changed. Before a job is handed over, the server is
asked whether it is there and is the one that was named.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection
from typing import Any

import apache_beam as beam
import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from zap.errors import RunnerError

WORKERS_ADDRESS = "localhost:50000"
"""Where ``zap workers`` listens, on every machine of a cluster."""

KEPT_MS = 600_000
"""How long a worker waits for its next step, in place of a new one for every step."""

_NAMELESS = ("[auto]", "[local]")  # of Flink: a cluster that lives in the job server
_EMBEDDED = "embed"  # a job server within this process
_LOG = logging.getLogger(__name__)
_PATIENCE_S = 20.0
_LONG_S = 30 * 86_400


def complete_options(options: PipelineOptions, runner: str) -> None:
    """Fill in what a portable runner needs and was not told.

    Args:
        options: of Beam; changed.
        runner: the runner's name.
    """
    if runner.lower() == "flinkrunner":
        _complete_flink(options)
    elif runner.lower() == "prismrunner":
        _complete_prism(options)


def _complete_flink(options: PipelineOptions) -> None:
    """Workers are those of ``zap workers``, where the cluster is a real one."""
    portable = options.view_as(PortableOptions)
    master = options.view_as(FlinkRunnerOptions).flink_master
    if master in _NAMELESS and not portable.job_endpoint:
        return
    if portable.environment_type is None:
        portable.environment_type = "EXTERNAL"
        portable.environment_config = portable.environment_config or WORKERS_ADDRESS
    if not int(portable.environment_cache_millis):
        portable.environment_cache_millis = KEPT_MS


def _complete_prism(options: PipelineOptions) -> None:
    """A Prism on PATH comes before one that would be fetched."""
    prism = options.view_as(PrismRunnerOptions)
    portable = options.view_as(PortableOptions)
    if prism.prism_location is None and not portable.job_endpoint:
        prism.prism_location = shutil.which("prism")
    # The stream of a job's states ends with the time for an answer: Beam asks Prism by
    # the id of the preparation, which is that of the job, and waits on that stream.
    if portable.job_server_timeout == portable.get_all_options()["job_server_timeout"]:
        portable.job_server_timeout = _LONG_S


def slots(options: PipelineOptions) -> int:
    """How many parts of a job run at once on a cluster, where the options say so."""
    return max(int(options.view_as(FlinkRunnerOptions).parallelism), 1)


def run_portable(pipeline: beam.Pipeline) -> None:
    """Run a pipeline here or on a job server, and wait until it has ended.

    Raises:
        RunnerError: the runner cannot be reached, is another than the one named, or
            says that the job failed.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    name = type(pipeline.runner).__name__
    portable = pipeline.options.view_as(PortableOptions)
    endpoint = portable.job_endpoint
    if endpoint and endpoint != _EMBEDDED:
        check_server(endpoint, name)
    try:
        result = pipeline.run()
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            if endpoint:
                _cancel(result)
            raise
    except (grpc.RpcError, grpc.FutureTimeoutError) as error:
        raise RunnerError(
            f"Expected {name} to answer until the job has ended. Received: "
            f"job_endpoint={endpoint or 'its own server'} ({_said(error)}). Start it "
            "again, then run the job again."
        ) from error
    except RuntimeError as error:
        if _interrupted(error):
            raise KeyboardInterrupt from error
        if name not in ("FlinkRunner", "PrismRunner", "PortableRunner"):
            raise
        raise RunnerError(
            f"Expected the job to run to its end on {name}. Received: {error} What "
            "happened in the workers is in their output and the runner's log."
        ) from error


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: Beam tells one inside a step as a failure."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _cancel(result: Any) -> None:
    """End a job for which nobody waits: nobody would publish what it makes.

    Left alone it would go on to write into the folder of the next run.
    """
    try:
        result.cancel()
    except grpc.RpcError as error:
        _LOG.error("The job could not be cancelled (%s). Do it there.", _said(error))


def check_server(endpoint: str, runner: str) -> None:
    """Check that a job server is there, and is of the runner that was named.

    Raises:
        RunnerError: it is not.
    """
    try:
        known = _options_of(endpoint)
    except (grpc.RpcError, grpc.FutureTimeoutError) as error:
        raise RunnerError(
            f"Expected a job server of {runner}. Received: job_endpoint={endpoint}, "
            f"which does not answer ({_said(error)}). Start it, or correct the address."
        ) from error
    flink = "flink_master" in known
    if flink != (runner == "FlinkRunner") and runner != "PortableRunner":
        there = "Flink" if flink else "a runner other than Flink"
        raise RunnerError(
            f"Expected a job server of {runner}. Received: job_endpoint={endpoint}, "
            f"which is that of {there}. Name the runner that is there, or correct the "
            "address."
        )


def _options_of(endpoint: str) -> Collection[str]:
    """Names of the options that a job server takes."""
    with grpc.insecure_channel(endpoint) as channel:
        grpc.channel_ready_future(channel).result(timeout=_PATIENCE_S)
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        answer = stub.DescribePipelineOptions(request, timeout=_PATIENCE_S)
    return {option.name for option in answer.options}


def _said(error: Any) -> str:
    """What gRPC says of an error, in a line."""
    if isinstance(error, grpc.FutureTimeoutError):
        return f"no connection in {_PATIENCE_S:.0f} s"
    code, details = error.code(), error.details() or ""
    return f"{code.name}: {details.splitlines()[0] if details else ''}".rstrip(": ")

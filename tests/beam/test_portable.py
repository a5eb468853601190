"""Runners that are servers: what is filled in, and servers that are not the one meant.

The job server that answers is Beam's own of Python, over gRPC.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
)
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from made_servers import free_port

from zap.beam.portable import check_server, complete_options, slots
from zap.beam.runner import make_pipeline
from zap.beam.running import run_to_end
from zap.errors import RunnerError


def completed(runner: str, *args: str) -> PipelineOptions:
    options = PipelineOptions(list(args))
    complete_options(options, runner)
    return options


def test_a_cluster_of_flink_has_the_workers_of_zap() -> None:
    options = completed("FlinkRunner", "--job_endpoint=there:8099")
    portable = options.view_as(PortableOptions)
    assert portable.environment_type == "EXTERNAL"
    assert portable.environment_config == "localhost:50000"
    assert portable.environment_cache_millis == 600_000


def test_what_was_asked_for_is_left_as_it_is() -> None:
    args = ["--flink_master=there:8081", "--environment_type=PROCESS"]
    args += ["--environment_config={}", "--environment_cache_millis=5"]
    portable = completed("FlinkRunner", *args).view_as(PortableOptions)
    assert portable.environment_type == "PROCESS"
    assert portable.environment_config == "{}"
    assert int(portable.environment_cache_millis) == 5


@pytest.mark.parametrize("master", ["[auto]", "[local]"])
def test_a_cluster_within_the_job_server_is_left_to_beam(master: str) -> None:
    options = completed("FlinkRunner", f"--flink_master={master}")
    assert options.view_as(PortableOptions).environment_type is None
    assert options.view_as(FlinkRunnerOptions).flink_master == master


def test_a_prism_on_path_comes_first(tmp_path, monkeypatch) -> None:
    program = tmp_path / "prism"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = completed("PrismRunner").view_as(PrismRunnerOptions)
    assert found.prism_location == str(program)
    named = completed("PrismRunner", "--prism_location=/mine")
    assert named.view_as(PrismRunnerOptions).prism_location == "/mine"
    there = completed("PrismRunner", "--job_endpoint=there:8073")
    assert there.view_as(PrismRunnerOptions).prism_location is None


def test_other_runners_get_nothing() -> None:
    assert completed("SparkRunner").get_all_options(drop_default=True) == {}


def test_slots_are_what_is_asked_for() -> None:
    assert slots(PipelineOptions([])) == 1
    assert slots(PipelineOptions(["--parallelism=12"])) == 12


@pytest.fixture
def job_server() -> Iterator[str]:
    server = LocalJobServicer()
    yield f"127.0.0.1:{server.start_grpc_server(0)}"
    server.stop()


def test_a_server_of_another_runner_is_refused(job_server: str) -> None:
    with pytest.raises(RunnerError, match="that of a runner other than Flink"):
        check_server(job_server, "FlinkRunner")
    check_server(job_server, "PortableRunner")


def test_a_server_that_is_not_there_is_named(monkeypatch) -> None:
    monkeypatch.setattr("zap.beam.portable._PATIENCE_S", 0.3)
    endpoint = f"127.0.0.1:{free_port()}"
    pipeline = make_pipeline(["--runner=FlinkRunner", f"--job_endpoint={endpoint}"])
    _ = pipeline | beam.Create([1])
    with pytest.raises(RunnerError, match=f"Received: job_endpoint={endpoint}, which"):
        run_to_end(pipeline)


def test_a_job_that_fails_there_is_told_in_words() -> None:
    args = ["--runner=PortableRunner", "--job_endpoint=embed"]
    pipeline = make_pipeline([*args, "--environment_type=LOOPBACK"])
    _ = pipeline | beam.Create([1]) | beam.Map(_raises)
    with pytest.raises(RunnerError, match="to its end on PortableRunner"):
        run_to_end(pipeline)


def _raises(_: int) -> None:
    raise KeyError("a defect")


RELEASED = threading.Event()


def _interrupts(_: int) -> None:
    """Presses Ctrl-C, and goes on working, as a step on a cluster does."""
    _thread.interrupt_main()
    RELEASED.wait(30)


def test_ctrl_c_inside_a_step_is_no_failure_of_the_step() -> None:
    """Beam wraps whatever a step raises into an error that names the step."""

    def pressed(number: int) -> int:
        raise KeyboardInterrupt

    pipeline = make_pipeline([])
    _ = pipeline | beam.Create([1]) | "Press" >> beam.Map(pressed) | beam.Map(print)
    with pytest.raises(KeyboardInterrupt):
        run_to_end(pipeline)


def test_ctrl_c_cancels_the_job_on_its_server() -> None:
    server = LocalJobServicer()
    endpoint = f"127.0.0.1:{server.start_grpc_server(0)}"
    args = ["--runner=PortableRunner", f"--job_endpoint={endpoint}"]
    pipeline = make_pipeline([*args, "--environment_type=LOOPBACK"])
    _ = pipeline | beam.Create([1]) | beam.Map(_interrupts)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_to_end(pipeline)
        (job,) = server._jobs.values()
        assert job.state == beam_job_api_pb2.JobState.CANCELLED
    finally:
        RELEASED.set()
        server.stop()

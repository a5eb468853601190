"""Worker processes: how many, that they do the job, and that they end with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import apache_beam as beam
import psutil
import pytest
from apache_beam.testing.util import assert_that, equal_to

from zap.beam import workers as workers_module
from zap.beam.runner import make_pipeline
from zap.beam.workers import WORKER_BYTES, Workers, cores, wanted_workers


@pytest.mark.parametrize(
    ("args", "stored", "wanted"),
    [
        ((), 0, 1),
        ((), WORKER_BYTES, 1),
        ((), WORKER_BYTES + 1, min(2, cores())),
        ((), 1_000 * WORKER_BYTES, cores()),
        (("--direct_num_workers=3",), 1, 3),
        (("--direct_num_workers", "3"), 1, 3),
        (("--direct_num_workers=0",), 1, cores()),
        (("--direct_num_workers=1",), 10 * WORKER_BYTES, 1),
        (("--runner=PrismRunner",), 10 * WORKER_BYTES, 1),
        (("--direct_running_mode=multi_processing", "--direct_num_workers=2"), 1, 1),
        (("--direct_num_workers=two",), 1, 1),
        (("--direct_num_workers",), 1, 1),
    ],
)
def test_how_many(args: tuple[str, ...], stored: int, wanted: int) -> None:
    assert wanted_workers(args, stored) == wanted


def test_elements_are_worked_on_by_forks_of_one_process() -> None:
    with Workers(2) as workers:
        pipeline = make_pipeline([], workers)
        found = (
            pipeline
            | beam.Create(range(40))
            | beam.Reshuffle()
            | beam.Map(lambda number: (os.getpid(), os.getppid(), number))
        )
        here = os.getpid()
        numbers = found | beam.Map(lambda each: each[2])
        elsewhere = (
            found
            | "Process" >> beam.Map(lambda each: each[0] != here)
            | beam.Distinct()
        )
        parents = found | beam.Map(lambda each: each[1]) | "Parents" >> beam.Distinct()
        assert_that(numbers, equal_to([*range(40)]), label="numbers")
        assert_that(elsewhere, equal_to([True]), label="elsewhere")
        counted = parents | beam.combiners.Count.Globally()
        assert_that(counted, equal_to([1]), label="parents")
        pipeline.run().wait_until_finish()
    assert not psutil.Process().children(recursive=True)


def test_an_error_in_a_worker_reaches_the_job() -> None:
    with Workers(2) as workers:
        pipeline = make_pipeline([], workers)
        _ = pipeline | beam.Create([0]) | beam.Map(lambda number: 1 // number)
        with pytest.raises(Exception, match="ZeroDivisionError"):
            pipeline.run().wait_until_finish()


def test_a_server_that_does_not_start_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers_module.sys, "executable", "/bin/false")
    with Workers(2) as workers, pytest.raises((RuntimeError, BrokenPipeError)):
        workers.command()


PROGRAM = """
import sys, time
from zap.beam.workers import Workers
workers = Workers(2)
workers.command()
print(workers._server.pid, workers._folder, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to watch processes")
def test_the_server_ends_with_a_job_that_is_killed() -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    )
    assert job.stdout is not None
    said, folder = job.stdout.readline().split()
    server = int(said)
    assert Path(folder).is_dir()
    assert psutil.pid_exists(server)
    job.kill()
    job.wait()
    job.stdout.close()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(server) and time.monotonic() < deadline:
        if Path(f"/proc/{server}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not psutil.pid_exists(server)
    assert not Path(folder).exists()

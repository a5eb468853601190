"""Prism ends with the job that began it, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.scale.prism import PRISM, missing
from zap.beam import ending

JOB = """
import sys, time
import apache_beam as beam
from zap.beam.runner import make_pipeline
from zap.beam.running import run_to_end

def work(_):
    print("at work", flush=True)
    time.sleep(600)

pipeline = make_pipeline(["--runner=PrismRunner", "--prism_location=" + sys.argv[1]])
_ = pipeline | beam.Create([1]) | beam.Map(work)
run_to_end(pipeline)
"""
ASKING = """
import subprocess, sys, os
subprocess.Popen([sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()),
    sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); "
    "time.sleep(600)"]).wait()
"""


def below(pid: int) -> dict[int, str]:
    """The processes that a process began, and those that they began: their commands."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found |= {int(folder.name): command, **below(int(folder.name))}
    return found


def gone(pid: int) -> bool:
    """Whether there is no such process, or only what its parent has not looked at."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at /proc")
def test_prism_ends_with_a_job_that_is_killed(how: signal.Signals) -> None:
    why = missing()
    if why:
        pytest.skip(why)
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, str(PRISM)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert job.stdout is not None
    with job.stdout:
        assert job.stdout.readline() == "at work\n"
        found = below(job.pid)
        servers = [pid for pid, said in found.items() if str(PRISM) in said]
        # Without it Prism may end too, but by luck: of a pipe that broke as it wrote.
        assert any(ending.__file__ in found[pid] for pid in servers)
        job.send_signal(how)
        job.wait(60)
    until(lambda: all(map(gone, servers)))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
def test_a_program_ends_with_who_asked_and_with_who_runs_it() -> None:
    for kill_asking in (True, False):
        asking = subprocess.Popen(
            [sys.executable, "-c", ASKING, ending.__file__],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asking.stdout is not None
        with asking.stdout:
            program = int(asking.stdout.readline())
        (runs,) = (pid for pid in below(asking.pid) if pid != program)
        os.kill(asking.pid if kill_asking else runs, signal.SIGKILL)
        asking.wait(60)
        until(lambda: gone(program))  # noqa: B023
        until(lambda: gone(runs))  # noqa: B023


def test_a_program_is_told_to_end_and_its_code_is_passed_on() -> None:
    says = "import time; print('on', flush=True); time.sleep(600)"
    run = [sys.executable, ending.__file__, str(os.getpid()), sys.executable, "-c"]
    assert subprocess.run([*run, "raise SystemExit(3)"], check=False).returncode == 3
    stopped = subprocess.Popen([*run, says], stdout=subprocess.PIPE, text=True)
    assert stopped.stdout is not None
    with stopped.stdout:
        stopped.stdout.readline()
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait(60) != 0

"""The child process is started again when it dies, and ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from zap.collect.delivery.child import Child

PATIENCE_S = 30.0
# Notes each start in a file, then does as it is told until the parent has gone.
FOLLOWER = """
import os, signal, sys, threading
from zap.collect.delivery.child import when_stdin_ends
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
when_stdin_ends(stop.set)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
stop.wait()
with open(sys.argv[1], "a") as file:
    file.write("ended\\n")
"""
PARENT = """
import sys
from zap.collect.delivery.child import Child
child = Child([sys.executable, "-c", *sys.argv[1:]])
child.start()
print("started", flush=True)
sys.stdin.read()
"""


def until(true: Callable[[], bool]) -> None:
    """Wait for something, and fail where it never comes."""
    limit = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_child_that_is_killed_is_started_again_until_it_is_stopped(
    tmp_path: Path,
) -> None:
    notes, told = tmp_path / "notes", []
    command = [sys.executable, "-c", FOLLOWER, str(notes)]
    child = Child(command, told.append, first_pause_s=0.01)
    child.start()
    for number in range(3):
        until(lambda number=number: len(lines(notes)) == number + 1)
        until(lambda: child.pid is not None)
        os.kill(int(lines(notes)[-1]), signal.SIGKILL)
    until(lambda: len(lines(notes)) == 4)
    assert child.restarts == 3 and len(told) == 3 and "-9" in told[0]
    assert child.stop(PATIENCE_S) == 0
    assert lines(notes)[-1] == "ended" and child.pid is None
    assert not alive(int(lines(notes)[3]))


def test_a_child_that_does_not_end_is_killed() -> None:
    stubborn = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    stubborn += "print('ready', flush=True); time.sleep(1000)"
    child = Child([sys.executable, "-c", stubborn])
    child.start()
    # Whether SIGTERM comes before or after it is ignored, the process is gone.
    assert child.stop(0.5) in (-signal.SIGKILL, -signal.SIGTERM)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, FOLLOWER, str(notes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    until(lambda: len(lines(notes)) == 1)
    pid = int(lines(notes)[0])
    assert alive(pid)
    parent.kill()
    parent.wait()
    until(lambda: not alive(pid))
    assert lines(notes)[-1] == "ended"


def test_a_program_that_can_no_longer_be_started_is_told_of(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    told: list[str] = []
    seen = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        program.unlink(missing_ok=True)
        if "could not be started" in line:
            seen.set()

    child = Child([str(program)], tell, first_pause_s=0.01)
    child.start()
    assert seen.wait(PATIENCE_S) and "ended with 3" in told[0]
    assert child.stop(1) is None

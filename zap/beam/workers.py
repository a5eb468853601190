"""Worker processes of a local job that are ready when the job is.

A worker of Beam's own begins by importing all that a job needs, which takes longer than
a small job. Here one process, the server, does so while the job's own process still
starts; its forks are the workers. Beam starts each of them by a command
(``worker_client.py``) and talks to it as to any other: nothing but the way in which a
process comes to be is Zap's.

Processes and not threads: Beam's threaded workers were seen to hand elements to the
wrong reader (``docs/decisions/0017-worker-processes.md``), and much of the work on
distinct values is plain Python.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

WORKER_BYTES = 4 * 2**20
"""Stored size for which one more process is worth its start: some 200,000 events."""

# Blocks of arrays come and go; giving each back to the system costs more than the work.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
    "MALLOC_TOP_PAD_": str(2**24),
}


class Workers:
    """The processes that a local job runs in.

    Args:
        number: how many; with 1 the job runs in the process that asks for it.

    Attributes:
        number: as given.
    """

    def __init__(self, number: int = 1):
        self.number = number
        self._server: subprocess.Popen[str] | None = None
        self._folder = ""
        if number > 1:
            self._start()

    def _start(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="zap-workers-")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "zap.beam.worker_server", self._socket],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _path() | _KEEP_MEMORY,
            text=True,
        )

    @property
    def _socket(self) -> str:
        return f"{self._folder}/workers"

    def command(self) -> str:
        """The command that starts one worker, once the server is ready.

        Raises:
            RuntimeError: the server did not start; it has said why.
        """
        assert self._server is not None and self._server.stdin and self._server.stdout
        # Generators may have been made importable since the server began.
        self._server.stdin.write(json.dumps(sys.path) + "\n")
        self._server.stdin.flush()
        if self._server.stdout.readline() != "ready\n":
            raise RuntimeError("The server of worker processes did not start.")
        client = Path(__file__).with_name("worker_client.py")
        return shlex.join([sys.executable, "-I", "-S", str(client), self._socket])

    def close(self) -> None:
        """End the server, and with it all workers."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                assert self._server.stdin is not None
                self._server.stdin.close()
            self._server.wait()
            if self._server.stdout:
                self._server.stdout.close()
            self._server = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()


def wanted_workers(beam_args: Sequence[str], stored_bytes: int) -> int:
    """How many processes a job should have.

    Args:
        beam_args: Beam's options. Where they name a runner or a mode of running, it
            starts its own workers, and the answer is 1; a number of workers is taken
            as it is.
        stored_bytes: size of the input.
    """
    names = [arg.partition("=")[0] for arg in beam_args]
    if "--runner" in names or "--direct_running_mode" in names:
        return 1
    asked = _number_of(beam_args)
    if asked is not None:
        return asked or cores()
    return max(1, min(cores(), math.ceil(stored_bytes / WORKER_BYTES)))


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _number_of(beam_args: Sequence[str]) -> int | None:
    """What ``--direct_num_workers`` says; None where it says nothing that counts."""
    for arg, after in zip(beam_args, (*beam_args[1:], ""), strict=False):
        name, equals, value = arg.partition("=")
        if name == "--direct_num_workers":
            value = value if equals else after
            return int(value) if value.isdigit() else None
    return None


def _path() -> dict[str, str]:
    """The folders that this process imports from, for another."""
    return {"PYTHONPATH": os.pathsep.join(folder or "." for folder in sys.path)}

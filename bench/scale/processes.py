"""Processes of a cluster on this machine: they end with the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "build" / "servers"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody listens on, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A process whose output goes to a file.

    Args:
        name: of its log.
        command: what to run.
        logs: the folder of the log.
        env: added to this process's environment.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        logs: Path,
        env: dict[str, str] | None = None,
    ):
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=os.environ | (env or {}),
                preexec_fn=_die_with_parent,
                start_new_session=True,  # Ctrl-C is for the one that started it
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def close(self, patience_s: float = 10.0) -> None:
        """Ask it to end, and end it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_for(self, ready: Callable[[], bool], patience_s: float = 120.0) -> None:
        """Wait until it is ready.

        Raises:
            RuntimeError: it ended, or was not ready in time.
        """
        limit = time.monotonic() + patience_s
        while not ready():
            if not self.alive or time.monotonic() > limit:
                last = self.log.read_text(errors="replace")[-2_000:]
                raise RuntimeError(f"{self.name} did not start. Its log ends:\n{last}")
            time.sleep(0.1)


def answers(port: int) -> bool:
    """Whether a port of this machine takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True

"""Real servers for tests: started on a free port, with data in a folder of their own.

A server may be stopped, killed and started again on the same port and data, as an
operator would.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FERRETDB = ROOT / "build" / "servers" / "ferretdb"
_PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A server process.

    Args:
        command: of a port and a folder, what starts it.
        folder: its data.
        scheme: of its address.
    """

    def __init__(
        self, command: Callable[[int, Path], list[str]], folder: Path, scheme: str
    ):
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}/"
        self._command = command(self.port, folder)
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        limit = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > limit:
                    raise AssertionError(self._log.read_text()) from None
                time.sleep(0.02)

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it answer nothing, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # not stopped at once

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def redis_server(folder: Path) -> Server:
    """A Redis server that is not started yet, or a skip."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs server: redis-server; .ci/servers installs it")

    def command(port: int, folder: Path) -> list[str]:
        options = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder)}
        options |= {"appendonly": "yes", "save": ""}
        return [program, *(x for k, v in options.items() for x in (f"--{k}", v))]

    return Server(command, folder, "redis")


def mongo_server(folder: Path) -> Server:
    """A server that speaks MongoDB's protocol, not started yet, or a skip."""
    if not FERRETDB.exists():
        pytest.skip("needs server: FerretDB; .ci/servers builds it")
    return Server(
        lambda port, folder: [str(FERRETDB), f"127.0.0.1:{port}", str(folder)],
        folder,
        "mongodb",
    )

"""The servers of the benchmark as processes: started, pinned, watched and ended."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_ZAP = "import sys; from zap.cli.main import main; sys.exit(main())"
_START_S = 60.0


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        name: of the table's row.
        port: where it listens.
        process: itself.
        ready_seconds: from its start until /ready said yes.
        ready_mb: resident memory then.
    """

    name: str
    port: int
    process: psutil.Process
    ready_seconds: float
    ready_mb: float

    @property
    def mb(self) -> float:
        """Resident memory now."""
        resident: int = self.process.memory_info().rss
        return resident / 1e6

    @property
    def cpu_seconds(self) -> float:
        """Time on a processor so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def post(self, path: str, body: Any) -> Any:
        """The answer to a body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read()[:2000]
            raise SystemExit(f"{self.name} {path}: {error.code} {said!r}") from error


@contextmanager
def started(
    name: str, command: Sequence[object], port: int, core: int | None, log: Path
) -> Iterator[Server]:
    """A process that serves on a core of its own, until the block ends.

    Args:
        name: of the server.
        command: what to run.
        port: where it will listen.
        core: where it runs; None is anywhere.
        log: file for what it says.
    """
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    with log.open("ab") as said:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [*pinned, *map(str, command)], stdout=said, stderr=said
        )
        try:
            _await(f"http://127.0.0.1:{port}/ready", child, log)
            took = time.perf_counter() - begun
            process = psutil.Process(child.pid)
            yield Server(name, port, process, took, process.memory_info().rss / 1e6)
        finally:
            child.terminate()
            child.wait(30)


def _await(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise SystemExit(f"a server did not start: {log.read_text()[-2000:]}")


def zap_command(
    registry: Path, store: str, log: Path, port: int, *more: object
) -> list[object]:
    """What starts ours."""
    options = ["--registry", registry, "--store", store, "--log", log, "--port", port]
    return [sys.executable, "-c", _ZAP, "serve", *options, *more]


def reference_command(
    bundle: Path, saved: Path, application: str, store: str, log: Path, port: int
) -> list[object]:
    """What starts the reference."""
    options = ["--bundle", bundle, "--saved-model", saved, "--application", application]
    more = ["--store", store, "--log", log, "--port", port, "--inline"]
    return [sys.executable, "-m", "bench.serving.reference", *options, *more]


@contextmanager
def redis_server(work: Path, core: int | None) -> Iterator[str]:
    """A Redis that keeps nothing on disk; its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed")
    port = free_port()
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    options = ["--port", str(port), "--save", "", "--appendonly", "no"]
    with (work / "redis.log").open("wb") as said:
        child = subprocess.Popen(
            [*pinned, program, *options, "--dir", str(work)], stdout=said, stderr=said
        )
        try:
            _listening(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            child.terminate()
            child.wait(30)


def _listening(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.01)
    raise SystemExit("redis-server did not start")


def cores() -> tuple[int, int | None]:
    """The core of servers, and that of the client and of Redis."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1] if len(usable) > 1 else None

"""``zap serve`` as a process of its own, and a client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

READY = re.compile(r"ready at (http://\S+);")


class LiveServer:
    """A server process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, output: Path):
        self.process, self.port, self.output = process, port, output

    @property
    def said(self) -> str:
        """What it wrote."""
        return self.output.read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(20)


class Client:
    """A caller with one connection, which it makes again where it was closed."""

    def __init__(self, port: int):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """The status, what the body says, and the headers of an answer."""
        given = {"Content-Type": "application/json", **headers}
        self._connection.request(method, path, body, given)
        answer = self._connection.getresponse()
        content = answer.read()
        is_json = answer.headers.get("content-type") == "application/json"
        said = json.loads(content) if is_json else content
        return answer.status, said, answer.headers

    def post(self, path: str, said: Any) -> tuple[int, Any]:
        """The status and body of an answer to a JSON body."""
        return self.send("POST", path, json.dumps(said).encode())[:2]

    def get(self, path: str) -> tuple[int, Any]:
        """The status and body of an answer."""
        return self.send("GET", path)[:2]

    def predict(self, application: str = "shop", **said: Any) -> tuple[int, Any]:
        """Ask for a prediction."""
        return self.post(f"/v1/predictions/{application}", said)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def live_server(folder: Path, registry: Path, **settings: Any) -> Iterator[LiveServer]:
    """A server that is ready; its files lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        "registry": str(registry),
        "store": f"sqlite:{folder / 'events.db'}",
        "log": str(folder / "predictions"),
        "port": 0,
        "poll_s": 0.05,
        "log_wait_ms": 20_000,  # machines of tests are busy
        "timeout_ms": 60_000,
        **settings,
    }
    config = folder / "serve.toml"
    config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items()))
    output = folder / "output.txt"
    command = [sys.executable, "-m", "zap.cli.main", "serve", "--config", str(config)]
    with open(output, "wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=dict(os.environ)
        )
    try:
        yield LiveServer(process, _port_of(process, output), output)
    finally:
        process.kill()
        process.wait()


def _port_of(process: subprocess.Popen[bytes], output: Path) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        ready = READY.search(output.read_text())
        if ready:
            return int(ready[1].rpartition(":")[2])
        time.sleep(0.02)
    raise AssertionError(f"no server: {output.read_text()}")

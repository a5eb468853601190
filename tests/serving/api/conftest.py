"""A real server around a tiny real application."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from answers import read_all, samples_of
from made_bundles import made_bundle

from tests.serving.api.real_server import RealServer, real_server
from zap.serving.api.gate import Gate
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import Key, new_key
from zap.serving.api.protocol import ConnectionLimits, limited_protocol

SHOP = "https://shop.example"
SETTINGS = """
max_explained = 64
[limits]
max_body_bytes = 1_000_000
[limits.visitor]
per_s = 1_000
burst = 1_000
[limits.address]
per_s = 10_000
burst = 10_000
"""


@dataclass
class Echo:
    """Answers with what it was given, and can be held up."""

    hold: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    in_a_task: bool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.in_a_task = asyncio.current_task() is not None
        self.asked += 1
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        if scope["path"] == "/v1/predictions/broken":
            raise RuntimeError("visitor-17 is not to be told")
        while scope["path"] == "/v1/predictions/held" and not self.hold.is_set():
            await asyncio.sleep(0.005)
        caller = scope["zap.caller"]
        said = {
            "caller": None if caller is None else caller.kind,
            "key": caller and caller.key_id,
            "anonymous_id": caller and caller.anonymous_id,
            "bytes": len(body),
        }
        content = json.dumps(said).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


@dataclass
class Running:
    """A gate before the echo, on a port of its own."""

    gate: Gate
    echo: Echo
    port: int
    at_once: bool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def raw(self, *parts: bytes) -> bytes:
        """What comes back for these bytes until the server closes."""
        with self.connect() as sock:
            with suppress(BrokenPipeError, ConnectionResetError):
                for part in parts:
                    sock.sendall(part)
            return read_all(sock)

    def samples(self, family: str) -> dict[tuple[str, ...], float]:
        """Samples of a metric by their labels' values."""
        return samples_of(self.gate.metrics.text(), family)

    def refused(self, reason: str) -> float:
        return self.samples("zap_refused")["zap_refused_total", reason]


@contextmanager
def serving(
    make: Callable[[Echo], Gate],
    bounds: ConnectionLimits | None = None,
    at_once: bool = True,
) -> Iterator[Running]:
    """A server with a gate, until the block ends; whole requests may need no task."""
    echo = Echo()
    gate = make(echo)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    protocol = limited_protocol(
        bounds or ConnectionLimits(), gate.metrics.refused, lambda scope: at_once
    )
    config = uvicorn.Config(
        gate,  # type: ignore[arg-type]
        http=protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    while not server.started:
        time.sleep(0.002)
    try:
        yield Running(gate, echo, sock.getsockname()[1], at_once)
    finally:
        echo.hold.set()
        server.should_exit = True
        thread.join()
        sock.close()


@dataclass(frozen=True)
class Keys:
    """A file with a key of each kind."""

    path: Path
    secret: str
    secret_key: Key
    publishable: str
    publishable_key: Key

    @property
    def as_server(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    def as_page(self, token: str | None = None, origin: str = SHOP) -> dict[str, str]:
        named = {"authorization": f"Bearer {self.publishable}", "origin": origin}
        return named if token is None else {**named, "zap-visitor": token}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    secret, secret_key = new_key("secret", note="the shop's server")
    publishable, publishable_key = new_key("publishable", [SHOP], ["cart", "broken"])
    add_key(path, secret_key)
    add_key(path, publishable_key)
    return Keys(path, secret, secret_key, publishable, publishable_key)


@pytest.fixture(scope="module", params=["at once", "in a task"])
def running(keys: Keys, request: pytest.FixtureRequest) -> Iterator[Running]:
    at_once = request.param == "at once"
    with serving(lambda echo: Gate(echo, keys.path), at_once=at_once) as one:
        yield one


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url) as one:
        yield one


@pytest.fixture(scope="session")
def real(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealServer]:
    """``zap serve`` with a made model and keys; its rates are never reached."""
    folder = tmp_path_factory.mktemp("real")
    with real_server(folder, made_bundle(folder / "bundle"), SETTINGS) as one:
        yield one

"""The collector's application on a real socket, in a thread of the test's process."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from answers import read_all, samples_of

from tests.collect.app.plain import Another, Plain
from tests.collect.real_collector import KEY, source_of, spooled
from zap.collect.app.collector import Collector
from zap.collect.app.config import CollectConfig
from zap.collect.app.metrics import CollectMetrics
from zap.collect.app.own_routes import OwnRoutes
from zap.collect.app.server import problem_of
from zap.collect.checks.checks import Checks
from zap.collect.event import Event
from zap.collect.protocol import Protocol
from zap.collect.record import BadRecord
from zap.collect.spool import Spool, SpoolOptions
from zap.serving.api.protocol import limited_protocol
from zap.serving.api.request_log import RequestLog


@dataclass
class Running:
    """A collector that answers."""

    port: int
    spool: Any
    folder: Path
    collector: Collector
    metrics: CollectMetrics
    lines: io.BytesIO

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, said: Any, path: str = "/plain", **named: Any) -> httpx.Response:
        """Post JSON."""
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        return self.ask("POST", path, content=content, **named)

    def ask(self, method: str, path: str, **named: Any) -> httpx.Response:
        """One request, by a connection of its own."""
        url = self.url + path
        return httpx.request(method, url, timeout=20, verify=False, **named)

    def send(self, *events: Any, **named: Any) -> httpx.Response:
        """Post events with the key."""
        return self.post({"key": KEY, "events": events}, **named)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, *parts: bytes) -> bytes:
        """What comes back for these bytes until the server closes."""
        with self.connect() as sock:
            with suppress(BrokenPipeError, ConnectionResetError):
                for part in parts:
                    sock.sendall(part)
            return read_all(sock)

    def records(self) -> list[Event | BadRecord | None]:
        return [record for _, record in spooled(self.folder)]

    def samples(self, family: str) -> dict[tuple[str, ...], float]:
        """Samples of a metric by their labels' values, in the order of their names."""
        return samples_of(self.metrics.text(), family)

    def answered(self, fate: str, source: str = "shop", name: str = "plain") -> float:
        found = self.samples("zap_collect_requests")
        return found.get(("zap_collect_requests_total", fate, name, source), 0)


@contextmanager
def running_at(
    folder: Path,
    protocols: Sequence[Protocol] = (),
    sources: Mapping[str, Any] | None = None,
    spool: Any = None,
    checks: Any = None,
    **settings: Any,
) -> Iterator[Running]:
    """A collector with a spool in a folder, until the block ends."""
    named = {"sources": sources or {"shop": source_of(["plain"])}, **settings}
    config = msgspec.convert(named, CollectConfig)
    own = None if spool else Spool(folder, SpoolOptions(max_bytes=64 << 20))
    metrics, lines = CollectMetrics(), io.BytesIO()
    log = RequestLog(lines, every_s=0.01)
    app = Collector(
        config,
        spool or own,
        protocols or [Plain(), Another()],
        checks or Checks(config.sources),
        metrics,
        log,
        OwnRoutes(metrics, lambda: problem_of(own) if own else ""),
    )
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=limited_protocol(config.connections, metrics.refused),
            ws="none",
            lifespan="off",
            log_level="critical",
            proxy_headers=bool(config.proxies),
            forwarded_allow_ips=config.proxies,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.002)
    try:
        port = bound.getsockname()[1]
        yield Running(port, spool or own, folder, app, metrics, lines)
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
        log.close()
        if own is not None:
            own.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for a module's tests, with usual settings."""
    with running_at(tmp_path_factory.mktemp("spool")) as one:
        yield one


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts one for a test, with settings of its own."""
    with ExitStack() as stack:
        folders = (tmp_path / f"spool-{n}" for n in count())
        yield lambda **named: stack.enter_context(running_at(next(folders), **named))

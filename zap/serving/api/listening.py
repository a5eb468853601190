"""A process that listens: its socket, its event loop, and how it ends.

The API and the collector are served the same way: a bound socket, uvicorn on uvloop,
and a signal to end after which what is being answered is answered first.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import uvicorn
import uvloop

from zap.errors import ServingError
from zap.serving.api.asgi import App

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listen(
    app: App,
    bound: socket.socket,
    protocol: type[asyncio.Protocol],
    told: Callable[[], None],
    *,
    proxies: Sequence[str] = (),
    drain_s: float = 10,
) -> None:
    """Serve until the process is asked to end (SIGTERM, SIGINT).

    Args:
        app: what answers.
        bound: a socket of `bind`.
        protocol: of `zap.serving.api.protocol.limited_protocol`.
        told: called once the server answers.
        proxies: whose X-Forwarded-For is believed.
        drain_s: how long a server that ends lets requests finish.
    """
    server = _Server(_config(app, protocol, proxies, drain_s))
    _seldom_collect()
    server.told = told
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve([bound]))


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ServingError: the address is taken, or is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ServingError(
            "Expected an address of this machine that is free. Received: "
            f"host={host}, port={port} ({error.strerror}). Choose another with --port."
        ) from error
    bound.set_inheritable(True)
    return bound


def url_of(bound: socket.socket) -> str:
    """The URL of a socket."""
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _seldom_collect() -> None:
    """Spare requests the search for cycles of objects, of which they make none.

    A past is some hundred small objects, so that by default each third request would
    search; what is there by now stays, and is never searched again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class _Server(uvicorn.Server):
    told: Callable[[], None]

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End when asked to. Uvicorn's own raises the signal again when it is done,
        which would end the process before the log is closed."""
        kept = {each: signal.signal(each, self.handle_exit) for each in SIGNALS}
        try:
            yield
        finally:
            for each, handler in kept.items():
                signal.signal(each, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.told()


def _config(
    app: App, protocol: type[asyncio.Protocol], proxies: Sequence[str], drain_s: float
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(drain_s) or 1,
    )

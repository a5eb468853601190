"""What uvicorn's own parser leaves open: how long and how slow headers may be.

Uvicorn's ``h11_max_incomplete_event_size`` holds for its parser in Python only. The
fast one, httptools, takes headers of any size at any pace, and an application is not
asked before they are whole. So this is that protocol with three bounds: bytes of a
request's first lines, seconds until they are whole, and connections at once. Give it to
uvicorn as ``http=limited_protocol(...)``.

A request that came in whole, as one for a prediction does, can also be begun without a
task; see `zap.serving.api.driving`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from zap.serving.api.body import WHOLE
from zap.serving.api.driving import Driven
from zap.serving.api.refusals import JSON, Refused, busy

_SLOW = "The headers came too slowly."


@dataclass(frozen=True)
class ConnectionLimits:
    """The bounds of connections.

    Attributes:
        max_header_bytes: of the request line and the headers of a request.
        header_timeout_s: until they are whole, from when the connection is made, or
            from the first byte of a later request.
        max_connections: at once.
    """

    max_header_bytes: int = 32 << 10
    header_timeout_s: float = 10.0
    max_connections: int = 1_000


def limited_protocol(
    limits: ConnectionLimits,
    refused: Callable[[str], None],
    at_once: Callable[[Mapping[str, Any]], bool] = lambda scope: False,
) -> type[HttpToolsProtocol]:
    """A protocol class for uvicorn's option ``http``.

    Args:
        limits: that each connection is held to.
        refused: told each reason; `zap.serving.api.metrics.Metrics.refused`.
        at_once: whether a request with such a scope is begun without a task, if it is
            whole: it then finds its body in ``scope["zap.body"]``, and not by ASGI.
    """

    class LimitedProtocol(_Limited):
        bounds = limits
        count = staticmethod(refused)
        drives = staticmethod(at_once)

    return LimitedProtocol


class _Limited(HttpToolsProtocol):
    bounds: ConnectionLimits
    count: Callable[[str], None]
    drives: Callable[[Mapping[str, Any]], bool]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._header_bytes = 0
        self._data_bytes = 0  # of which the parser is told now
        self._part = "nothing"  # of a request, that is being received
        self._timer: asyncio.TimerHandle | None = None
        self._parsing = False
        self._held: tuple[Any, Any] | None = None  # a request, and what will answer it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.bounds.max_connections:
            self._refuse(busy("connections", 1))
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._part == "headers":
            # All of these bytes may belong to headers that an earlier call began.
            self._header_bytes += len(data)
            if self._header_bytes > self.bounds.max_header_bytes:
                self._refuse(self._too_large())
                return
        self._data_bytes = len(data)
        self._parsing = True
        super().data_received(data)
        self._parsing = False
        if self._held is not None:
            self._begin(*self._held)
        if self._part == "headers":
            if self._timer is None:
                self._start_timer()
            # Of those that began here the parser has told whole lines.
            self._header_bytes = max(self._header_bytes, self._told_bytes())
            if self._header_bytes > self.bounds.max_header_bytes:
                self._refuse(self._too_large())

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin a request, but no sooner than all that has come of it is parsed."""
        if self._parsing and self.drives(cycle.scope):
            self._held = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: Any, app: Any) -> None:
        self._held = None
        if cycle.more_body or cycle.disconnected or self.transport.is_closing():
            super()._start_asgi_task(cycle, app)
            return
        cycle.scope[WHOLE] = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        Driven(cycle.run_asgi(app), self.loop, self.tasks).begin()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part = "headers"
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            return
        most = self.bounds.max_header_bytes
        if self._header_bytes + self._data_bytes > most and self._told_bytes() > most:
            self._refuse(self._too_large())
            return
        self._part = "body"
        self._stop_timer()
        super().on_headers_complete()
        cycle: Any = self.cycle
        if not cycle.waiting_for_100_continue and cycle.scope["method"] != "HEAD":
            cycle.transport = _Joining(self.transport)

    def on_body(self, body: bytes) -> None:
        if self._part == "body":
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._part != "body":
            return
        self._part = "nothing"
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # The answer is out. Who is still sending its question, or does not read, has
        # no one else to end it: the gate's time-outs are over.
        if self.transport.is_closing() or self._part == "body":
            self._stop_timer()
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        self._refuse(
            Refused(400, "malformed", "Expected a request of HTTP/1.1.", "malformed")
        )

    def _told_bytes(self) -> int:
        return len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(
            self.bounds.header_timeout_s, self._waited_enough
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited_enough(self) -> None:
        self._timer = None
        if self.transport.is_closing() or self._part == "body":
            self.transport.abort()
        elif self._part == "headers":
            self._refuse(Refused(408, "slow_headers", _SLOW, "slow_headers"))
        else:
            self.transport.close()

    def _too_large(self) -> Refused:
        most = self.bounds.max_header_bytes
        message = f"Expected headers of at most {most} bytes."
        return Refused(431, "headers_too_large", message, "headers_too_large")

    def _refuse(self, refused: Refused) -> None:
        """Say why, and close: there is no request yet that could be answered."""
        self._part = "nothing"
        if refused.reason:
            self.count(refused.reason)
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_whole_answer(refused))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
        self._stop_timer()
        self._start_timer()


class _Joining:
    """A transport that sends the head of an answer with the beginning of its body.

    Uvicorn writes them one by one, and each is a call of the system that wakes the
    client. ASGI has servers hold a head back until there is some of the body; one that
    has none, as for HEAD, must not come here.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport):
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send bytes, but keep the first ones for the next."""
        if self._head is None:
            self._head = data
        elif self._head:
            self._transport.write(self._head + data)
            self._head = b""
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is left, and close."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()


def _whole_answer(refused: Refused) -> bytes:
    phrase = HTTPStatus(refused.status).phrase
    headers = [
        *refused.headers,
        JSON,
        (b"content-length", b"%d" % len(refused.body)),
        (b"connection", b"close"),
    ]
    lines = [b"%s: %s\r\n" % header for header in headers]
    first = f"HTTP/1.1 {refused.status} {phrase}\r\n".encode()
    return b"".join((first, *lines, b"\r\n", refused.body))

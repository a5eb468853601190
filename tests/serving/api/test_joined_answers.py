"""An answer's head and body are one write, and the bytes are uvicorn's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from zap.serving.api.protocol import ConnectionLimits, limited_protocol

ASKED = b"%s / HTTP/1.1\r\nHost: here\r\n%s\r\n"
TYPE = (b"content-type", b"text/plain")


class Wire(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 9), "sockname": ("192.0.2.2", 80)})
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Answering:
    """Sends a head and some parts; raises in the end where it is to."""

    def __init__(
        self, parts: Sequence[bytes], length: bool = True, fails: bool = False
    ):
        self.parts, self.fails = parts, fails
        size = (b"content-length", b"%d" % sum(map(len, parts)))
        self.headers = [TYPE, size] if length else [TYPE]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        start = {"type": "http.response.start", "status": 200, "headers": self.headers}
        await send(start)
        if self.fails:
            raise RuntimeError("in the middle")
        *parts, last = self.parts
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": last})


def written(protocol: type[HttpToolsProtocol], app: Any, *asked: bytes) -> Wire:
    """What a connection gets for these bytes."""

    async def main() -> Wire:
        config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None)
        config.load()
        state, loop, wire = ServerState(), asyncio.get_running_loop(), Wire()
        one = protocol(config=config, server_state=state, app_state={}, _loop=loop)
        one.connection_made(wire)
        for part in asked:
            one.data_received(part)
            for _ in range(20):  # more turns of the loop than an answer takes
                await asyncio.sleep(0)
        one.connection_lost(None)
        return wire

    return asyncio.run(main())


OURS = limited_protocol(ConnectionLimits(), lambda reason: None)
GET, HEAD = (ASKED % (method, b"") for method in (b"GET", b"HEAD"))
CLOSING = ASKED % (b"GET", b"Connection: close\r\n")
EXPECTING = ASKED % (b"POST", b"Expect: 100-continue\r\nContent-Length: 3\r\n")


@pytest.mark.parametrize(
    "app, asked, writes",
    [
        (Answering([b"all of it"]), [GET], 1),
        (Answering([b"all of it"]), [CLOSING], 1),
        (Answering([b"all of it"]), [GET, GET], 2),
        (Answering([b"one", b"two", b"three"]), [GET], 3),
        (Answering([b"one", b"two"], length=False), [GET], 2),
        (Answering([b""], length=False), [GET], 1),
        (Answering([b""]), [HEAD], 1),
        (Answering([b"all"], fails=True), [GET], 1),
        (Answering([b"all of it"]), [EXPECTING, b"end"], 3),
    ],
)
def test_the_bytes_are_the_same_in_fewer_writes(
    app: Any, asked: Sequence[bytes], writes: int
) -> None:
    theirs, ours = (written(one, app, *asked) for one in (HttpToolsProtocol, OURS))
    assert b"".join(ours.writes) == b"".join(theirs.writes) != b""
    assert len(ours.writes) == writes <= len(theirs.writes)
    assert ours.closed == theirs.closed

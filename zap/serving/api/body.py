"""Request bodies: counted while they come in, in bounded time and memory.

What a client says of its body's length is believed only where it is too long. Bodies
are received whole before the application is asked, so that a slow client holds some
bytes and a connection, and never one of the application's places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from zap.serving.api.limits import Limits
from zap.serving.api.refusals import (
    Disconnected,
    Refused,
    busy,
    encoded_body,
    slow_body,
    too_large,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LINGER_BYTES = 32 << 20
LINGER_S = 1.0
SMALL_BYTES = 64 << 10
WHOLE = "zap.body"
"""Where a scope has a body that had come before the application was asked."""


class Body:
    """The body of one request.

    Args:
        headers: of the request.
        receive: of ASGI.
        there: all of it, where it has come already.
    """

    def __init__(
        self,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        there: bytes | None = None,
    ):
        self._receive, self._there = receive, there
        self._headers = headers
        self.declared_bytes = _declared(headers)
        self.expected = b"transfer-encoding" in headers or self.declared_bytes > 0
        self.whole = not self.expected or there is not None
        self.held_bytes = 0
        self.late = False

    async def read(self, limits: Limits, buffer: Buffer) -> bytes:
        """All of it.

        Raises:
            Refused: it is compressed, too long or too slow, or memory is short.
            Disconnected: the client went away.
        """
        encoding = self._headers.get(b"content-encoding", b"identity")
        if encoding.lower() != b"identity":
            raise encoded_body()
        if self._there is not None:
            return self._taken(self._there, limits, buffer)
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                return await self.receive(
                    limits.max_body_bytes, limits.retry_after_s, buffer
                )
        except TimeoutError:
            raise self.slow(limits.body_timeout_s) from None

    def _taken(self, there: bytes, limits: Limits, buffer: Buffer) -> bytes:
        """A body that is here, held to the same bounds."""
        if max(len(there), self.declared_bytes) > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        if not buffer.take(len(there)):
            raise busy("memory", limits.retry_after_s)
        self.held_bytes = len(there)
        return there

    async def receive(
        self, max_bytes: int, retry_after_s: float, buffer: Buffer
    ) -> bytes:
        """All of it, as it was sent, whatever time that takes.

        Args:
            max_bytes: that it may have.
            retry_after_s: what is said where memory is short.
            buffer: the memory; what the body holds of it is ``held_bytes``.

        Raises:
            Refused: it is too long, or memory is short.
            Disconnected: the client went away.
        """
        if self.declared_bytes > max_bytes:
            raise too_large(max_bytes)
        parts = []
        while not self.whole:
            part = await self._next()
            self.held_bytes += len(part)
            if self.held_bytes > max_bytes:
                self.held_bytes -= len(part)
                raise too_large(max_bytes)
            if not buffer.take(len(part)):
                self.held_bytes -= len(part)
                raise busy("memory", retry_after_s)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def slow(self, timeout_s: float) -> Refused:
        """The body has had its time."""
        self.late = True
        return slow_body(timeout_s)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.whole = not message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part

    @property
    def must_close(self) -> bool:
        """Whether what is still to come is worth a new connection."""
        left = self.declared_bytes or SMALL_BYTES + 1
        return not self.whole and left > SMALL_BYTES

    async def linger(self) -> None:
        """Throw away what still comes, for a while.

        A socket that is closed with bytes unread resets the connection, and the client
        might never see why it was refused.
        """
        thrown = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while not self.whole and thrown < LINGER_BYTES:
                    thrown += len(await self._next())
        except (TimeoutError, Disconnected):
            return


class Buffer:
    """The memory that all bodies share.

    Args:
        most_bytes: that they may hold together.
    """

    def __init__(self, most_bytes: int):
        self._most = most_bytes
        self.held_bytes = 0

    def take(self, size: int) -> bool:
        """Hold some more bytes, unless there is no room."""
        if self.held_bytes + size > self._most:
            return False
        self.held_bytes += size
        return True

    def give(self, size: int) -> None:
        """Let go of bytes."""
        self.held_bytes -= size


def replayed(body: bytes, receive: Receive) -> Receive:
    """A body that is here, then what the connection says after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


def _declared(headers: Mapping[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"0")
    if not text.isdigit() or len(text) > 18:
        raise Refused(400, "content_length", "Expected Content-Length in digits.")
    return int(text)

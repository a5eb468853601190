"""A connection of Redis in an event loop, which hears one answer after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import hiredis


class Connected(asyncio.Protocol):
    """A connection.

    Args:
        made: of redis-py, connected; it is kept, as it owns the socket.
        heard: told the answers that have come at once, whole ones, and of something
            that is not whole yet; an error of the server is an answer too.
        lost: told the end.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        made: Any,
        heard: Callable[[Connected, Sequence[Any]], None],
        lost: Callable[[Connected, Exception], None],
    ):
        self._made, self._heard, self._lost = made, heard, lost
        self._reader = hiredis.Reader()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        wrong, answers = None, []
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not False:
                answers.append(found)
        except hiredis.ProtocolError as error:
            wrong = error
        self._heard(self, answers)
        if wrong is not None:
            self._lost(self, wrong)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self, exc or ConnectionError("the server closed the connection"))

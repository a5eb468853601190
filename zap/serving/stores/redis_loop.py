"""Reads of Redis from an event loop, which nobody waits for in a thread.

Questions go out on one connection, one after the other without waiting for answers,
which come in their order. Connecting may take long (names, TLS, passwords) and is
redis-py's affair, in a thread; questions wait for it meanwhile. A time-out or anything
else that goes wrong ends the connection and all questions that are on it: the answer to
one must not be taken for that to the next. Those that were asked on a connection that
turns out to be dead are asked once more, as all connections are after a restart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import hiredis
from redis import ConnectionPool
from redis.connection import Connection
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from zap.serving.stores.redis_reads import question

Found: TypeAlias = "list[bytes | None] | RedisError"
Then = Callable[[Found], None]


@dataclass
class _Question:
    """Keys that are asked for.

    Attributes:
        asked: the command.
        keys: how many.
        deadline: by the loop's clock.
        then: told what came of it.
        sent: whether it is on the connection, and does not wait for one.
        again: whether it was on another, which died.
    """

    asked: bytes
    keys: int
    deadline: float
    then: Then
    sent: bool = False
    again: bool = False


class LoopReads:
    """Reads strings by their keys. For one loop, and its thread.

    Args:
        pool: says how to connect; none of its own connections are taken.
        timeout_s: from a question to its answer, connecting included.
    """

    def __init__(self, pool: ConnectionPool, timeout_s: float):
        self._kind = pool.connection_class
        self._settings = {**pool.connection_kwargs, "protocol": 2}
        self._timeout_s = timeout_s
        self._questions: deque[_Question] = deque()
        self._connection: _Protocol | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fresh = False  # the connection has answered nothing yet

    @staticmethod
    def speaks(pool: ConnectionPool) -> bool:
        """Whether connections are plain sockets; those of TLS are left to threads."""
        return pool.connection_class is Connection

    def get(self, keys: Sequence[bytes], then: Then) -> None:
        """Ask what lies under each key.

        Args:
            keys: at least one.
            then: called with the values in their order, or the error, from the loop,
                once this has returned.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        asked = _Question(question(keys), len(keys), deadline, then)
        self._questions.append(asked)
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._look, loop)
        if self._connection is not None:
            self._send(self._connection, asked)
        elif self._connecting is None:
            self._connecting = loop.create_task(self._connect(loop))

    def close(self) -> None:
        """Let go of the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
        self._drop()

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            made = await asyncio.to_thread(self._connected)
            made._sock.setblocking(False)
            _, connection = await loop.create_connection(
                lambda: _Protocol(made, self._answered, self._lost), sock=made._sock
            )
        except Exception as error:
            self._connecting = None
            ours = error if isinstance(error, RedisError) else Unreachable(str(error))
            self._end(ours)
            return
        self._connecting, self._connection, self._fresh = None, connection, True
        for asked in self._questions:
            self._send(connection, asked)

    def _send(self, connection: _Protocol, asked: _Question) -> None:
        connection.transport.write(asked.asked)
        asked.sent = True

    def _connected(self) -> Any:
        made = self._kind(**self._settings)
        made.connect()
        return made

    def _answered(self, connection: _Protocol, found: Any) -> None:
        if connection is not self._connection:
            return
        asked = self._questions.popleft()
        self._fresh = False
        if isinstance(found, Exception):
            asked.then(ResponseError(str(found)))
        else:
            asked.then([found] if asked.keys == 1 else found)

    def _lost(self, connection: _Protocol, error: Exception) -> None:
        if connection is not self._connection:
            return
        self._drop()
        if self._fresh:
            self._end(Unreachable(str(error)))
        else:
            self._ask_again()

    def _ask_again(self) -> None:
        """Those that a connection took with it, on a new one."""
        questions, self._questions = self._questions, deque()
        for asked in questions:
            if asked.sent and asked.again:
                asked.then(Unreachable("the connection was lost twice"))
                continue
            # What waits for a connection has lost none.
            asked.again, asked.sent = asked.again or asked.sent, False
            self._questions.append(asked)
        if self._questions and self._connecting is None:
            loop = asyncio.get_running_loop()
            self._connecting = loop.create_task(self._connect(loop))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what has had its time; the others go with their connection."""
        self._timer = None
        if self._questions and self._questions[0].deadline <= loop.time():
            dropped = self._drop()
            while self._questions and self._questions[0].deadline <= loop.time():
                self._questions.popleft().then(TooSlow("no answer in time"))
            if dropped:
                self._ask_again()
        if self._questions and self._timer is None:
            self._timer = loop.call_at(self._questions[0].deadline, self._look, loop)

    def _end(self, error: RedisError) -> None:
        questions, self._questions = self._questions, deque()
        for asked in questions:
            asked.then(error)

    def _drop(self) -> bool:
        """End the connection, if there is one; whether there was."""
        if self._connection is None:
            return False
        self._connection.transport.abort()
        self._connection = None
        return True


class _Protocol(asyncio.Protocol):
    """A connection that hears one answer after the other.

    Args:
        made: of redis-py, connected; it is kept, as it owns the socket.
        answered: told each answer; an error of the server is one too.
        lost: told the end.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        made: Any,
        answered: Callable[[_Protocol, Any], None],
        lost: Callable[[_Protocol, Exception], None],
    ):
        self._made, self._answered, self._lost = made, answered, lost
        self._reader = hiredis.Reader()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not False:
                self._answered(self, found)
        except hiredis.ProtocolError as error:
            self._lost(self, error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self, exc or ConnectionError("the server closed the connection"))

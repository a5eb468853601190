"""Reads of Redis from an event loop, which nobody waits for in a thread.

Questions go out on one connection, one after the other without waiting for answers,
which come in their order. Connecting may take long (names, TLS, passwords) and is
redis-py's affair, in a thread; questions wait for it meanwhile. A time-out or anything
else that goes wrong ends the connection and all questions that are on it: the answer to
one must not be taken for that to the next. Those that were asked on a connection that
turns out to be dead are asked once more, as all connections are after a restart.

A loop that was busy may have answers that it has not read: what is overdue is given as
much time again as it was noticed late.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import ConnectionPool
from redis.connection import Connection
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from zap.serving.stores.redis_connected import Connected
from zap.serving.stores.redis_reads import question
from zap.serving.stores.telling import Telling, Then, tell

_SHORTLY_S = 0.001  # the loop reads what has come meanwhile


@dataclass
class _Question:
    """Keys that are asked for.

    Attributes:
        asked: the command.
        keys: how many.
        deadline: by the clock that only rises.
        then: told what came of it.
        again: whether it was on another connection, which died.
    """

    asked: bytes
    keys: int
    deadline: float
    then: Then
    again: bool = False


class LoopReads:
    """Reads strings by their keys. For one loop at a time, and its thread.

    Args:
        pool: says how to connect; none of its own connections are taken.
        timeout_s: from a question to its answer, connecting included.
    """

    def __init__(self, pool: ConnectionPool, timeout_s: float):
        self._kind = pool.connection_class
        self._settings = {**pool.connection_kwargs, "protocol": 2}
        self._timeout_s = timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begin()

    def _begin(self) -> None:
        """Be as new: what a loop that has ended had to do is nobody's any more."""
        self._questions: deque[_Question] = deque()
        self._telling = Telling()
        self._connection: Connected | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fresh = False  # the connection has answered nothing yet
        self._silent = False  # it has said nothing since something was overdue

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
        if loop is not self._loop:
            self._begin()
            self._loop = loop
        # The loop's own clock stands still while it is busy.
        deadline = time.monotonic() + self._timeout_s
        asked = _Question(question(keys), len(keys), deadline, then)
        self._questions.append(asked)
        self._watch(loop)
        if self._connection is not None:
            self._connection.transport.write(asked.asked)
        elif self._connecting is None:
            self._connecting = loop.create_task(self._connect(loop))

    def close(self) -> None:
        """Let go of the connection, from any thread; what waits for it has failed."""
        if self._loop is None or self._loop.is_closed():
            self._begin()
        else:
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for waits in (self._connecting, self._timer):
            if waits is not None:
                waits.cancel()
        self._connecting = self._timer = None
        self._drop()
        self._end(Unreachable("the store is closed"))

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            made = await asyncio.to_thread(self._connected)
            made._sock.setblocking(False)
            _, connection = await loop.create_connection(
                lambda: Connected(made, self._heard, self._lost), sock=made._sock
            )
        except Exception as error:
            self._connecting = None
            ours = error if isinstance(error, RedisError) else Unreachable(str(error))
            self._end(ours)
            return
        self._connecting, self._connection, self._fresh = None, connection, True
        for asked in self._questions:
            connection.transport.write(asked.asked)

    def _connected(self) -> Any:
        made = self._kind(**self._settings)
        made.connect()
        return made

    def _heard(self, connection: Connected, answers: Sequence[Any]) -> None:
        if connection is not self._connection:
            return
        self._silent = False
        for found in answers:
            self._fresh = False
            asked = self._questions.popleft()
            if isinstance(found, Exception):
                self._telling.add(asked.then, ResponseError(str(found)))
            else:
                self._telling.add(asked.then, [found] if asked.keys == 1 else found)
        self._telling.go_on()

    def _lost(self, connection: Connected, error: Exception) -> None:
        if connection is not self._connection:
            return
        self._drop()
        if self._fresh:
            self._end(Unreachable(str(error)))
        else:
            self._ask_again()

    def _ask_again(self) -> None:
        """Those that a connection took with it, on a new one.

        While there is a connection, all questions are on it: what only waited for one
        has lost none.
        """
        questions, self._questions = self._questions, deque()
        for asked in questions:
            if asked.again:
                tell(asked.then, Unreachable("the connection was lost twice"))
            else:
                asked.again = True
                self._questions.append(asked)
        if self._questions and self._connecting is None:
            loop = asyncio.get_running_loop()
            self._connecting = loop.create_task(self._connect(loop))

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the first question when it is due, or once more when it is over."""
        if self._questions and self._timer is None:
            left_s = self._questions[0].deadline - time.monotonic()
            wait_s = max(left_s, min(-left_s, self._timeout_s), _SHORTLY_S)
            self._timer = loop.call_later(wait_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = time.monotonic()
        overdue = bool(self._questions) and self._questions[0].deadline <= now
        if overdue and self._silent:
            self._expire(now)
        self._silent = overdue and not self._silent
        self._watch(loop)

    def _expire(self, now: float) -> None:
        """End what has had its time; the others go with their connection."""
        dropped = self._drop()
        while self._questions and self._questions[0].deadline <= now:
            tell(self._questions.popleft().then, TooSlow("no answer in time"))
        if dropped:
            self._ask_again()

    def _end(self, error: RedisError) -> None:
        questions, self._questions = self._questions, deque()
        for asked in questions:
            tell(asked.then, error)

    def _drop(self) -> bool:
        """End the connection, if there is one; whether there was."""
        if self._connection is None:
            return False
        self._connection.transport.abort()
        self._connection = None
        return True

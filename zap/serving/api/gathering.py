"""Requests for predictions, gathered over one turn of the event loop.

What has come in by the end of a turn is answered as one group: one look into the store,
one call of the model, one group of lines for the log. A lone request is a group of one
and waits for nobody; the more come in, the larger the groups.

Where the store is a file of this machine, groups are made in the event loop itself: a
way to another thread and back costs half as much as all the rest. A store that is
reached through a network is asked in a worker, or one that hangs would hold up those
who do not need it. Lines go to the log's own thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from zap.errors import LogError
from zap.serving.answers import Answer
from zap.serving.api.asgi import Scope
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.refusals import busy
from zap.serving.api.workers import Workers, expire
from zap.serving.log import Logged, PredictionLog

MOST_TOGETHER = 16
"""A larger group is no quicker, and lets others wait."""

Made: TypeAlias = "tuple[Answer, Logged] | Exception"


class Waiting(NamedTuple):
    """A request that waits for its prediction."""

    future: asyncio.Future[Answer]
    scope: Scope
    asked: PredictionRequest


class Gathering:
    """Answers requests in groups.

    Args:
        make: makes an answer and its entry, or the error, of each request of a group.
        told: called with each request that is answered, and its answer.
        log: where entries are written before their answers are given; None writes none.
        workers: make the groups; None makes them in the event loop.
        most_waiting: requests that may wait or be worked on; others are refused.
        timeout_s: that a request may take.

    Attributes:
        pending: requests that wait or are worked on.
    """

    def __init__(
        self,
        make: Callable[[Sequence[tuple[Scope, PredictionRequest]]], Sequence[Made]],
        told: Callable[[Scope, Answer], None],
        log: PredictionLog | None,
        workers: Workers | None,
        most_waiting: int,
        timeout_s: float,
    ):
        self._make, self._told = make, told
        self._log, self._workers = log, workers
        self._most_waiting, self._timeout_s = most_waiting, timeout_s
        self._waiting: list[Waiting] = []
        self.pending = 0
        self._due = False
        self._groups: set[asyncio.Task[None]] = set()

    async def answer(self, scope: Scope, asked: PredictionRequest) -> Answer:
        """The answer to a request, once its entry is in the log.

        Raises:
            Refused: too many wait, or it took too long.
            ZapError: as `Service.predict_subject`.
        """
        if self.pending >= self._most_waiting:
            raise busy("busy", 1)
        self.pending += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(Waiting(future, scope, asked))
        self._call_turn(loop)
        timer = loop.call_later(self._timeout_s, expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    def _call_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._due:
            self._due = True
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer what has come in; what is too much for a group, in the next turn."""
        self._due = False
        if self._workers is not None and len(self._groups) >= self._workers.threads:
            return  # a group that ends calls again
        first = self._waiting[:MOST_TOGETHER]
        del self._waiting[:MOST_TOGETHER]
        group = [each for each in first if not each.future.done()]
        self.pending -= len(first) - len(group)
        if self._waiting:
            self._call_turn(loop)
        if not group:
            return
        if self._workers is None:
            self._made(loop, group, self._tried(group))
            return
        task = loop.create_task(self._elsewhere(loop, self._workers, group))
        self._groups.add(task)

    async def _elsewhere(
        self, loop: asyncio.AbstractEventLoop, workers: Workers, group: list[Waiting]
    ) -> None:
        try:
            made = await workers.run(self._timeout_s, self._tried, group)
        except Exception as error:
            made = [error] * len(group)
        task = asyncio.current_task()
        assert task is not None
        self._groups.discard(task)
        if self._waiting:
            self._call_turn(loop)
        self._made(loop, group, made)

    def _tried(self, group: Sequence[Waiting]) -> Sequence[Made]:
        try:
            return self._make([(each.scope, each.asked) for each in group])
        except Exception as error:
            return [error] * len(group)

    def _made(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[Waiting],
        made: Sequence[Made],
    ) -> None:
        """Give errors at once, and answers when they are in the log."""
        self.pending -= len(group)
        answered: list[tuple[Waiting, Answer]] = []
        entries: list[Logged] = []
        for waiting, each in zip(group, made, strict=True):
            if isinstance(each, Exception):
                _fail(waiting, each)
            else:
                answered.append((waiting, each[0]))
                entries.append(each[1])

        def give(error: Exception | None) -> None:
            for waiting, answer in answered:
                if error is not None:
                    _fail(waiting, error)
                elif not waiting.future.done():
                    self._told(waiting.scope, answer)
                    waiting.future.set_result(answer)

        if self._log is None:
            give(None)
        elif entries:
            _Written(loop, self._log, entries, give)


class _Written:
    """Gives answers once the log has their entries, or an error when time is up."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: PredictionLog,
        entries: Sequence[Logged],
        give: Callable[[Exception | None], None],
    ):
        self._loop, self._log, self._give = loop, log, give
        self._open, self._known = True, False
        try:
            self._handed = log.submit(entries, self._told)
        except LogError as error:
            give(error)
            return
        self._timer = loop.call_later(log.options.wait_ms / 1000, self._late)

    def _told(self) -> None:
        """In the thread of the log."""
        self._known = True
        try:
            self._loop.call_soon_threadsafe(self._done)
        except RuntimeError:
            return  # the loop has ended, and nobody waits any more

    def _done(self) -> None:
        self._timer.cancel()
        if self._open:
            self._open = False
            self._give(self._log.outcome(self._handed))

    def _late(self) -> None:
        if self._known:  # in time: it was the loop that was busy
            self._done()
        elif self._open:
            self._open = False
            self._give(self._log.give_up(self._handed))


def _fail(waiting: Waiting, error: Exception) -> None:
    if not waiting.future.done():
        waiting.future.set_exception(error)

"""Requests for predictions, gathered over one turn of the event loop.

What has come in by the end of a turn is answered as one group: one look into the store,
one call of the model, one group of lines for the log. A lone request is a group of one
and waits for nobody; the more come in, the larger the groups. How a group is made, in
the loop or in a thread, is the affair of `zap.serving.api.making`; how its lines get
into the log, that of `zap.serving.api.written`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from zap.serving.answers import Answer
from zap.serving.api.asgi import Scope
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.driving import Waiter
from zap.serving.api.making import Made, Making
from zap.serving.api.refusals import busy
from zap.serving.api.workers import late
from zap.serving.api.written import Writing
from zap.serving.log import Logged, PredictionLog

MOST_TOGETHER = 16
"""A larger group is no quicker, and lets others wait."""


class Waiting(NamedTuple):
    """A request that waits for its prediction."""

    answer: Waiter[Answer]
    scope: Scope
    asked: PredictionRequest


class Gathering:
    """Answers requests in groups.

    Args:
        making: makes an answer and its entry, or the error, of each request of a group.
        told: called with each request that is answered, and its answer.
        log: where entries are written before their answers are given; None writes none.
        most_waiting: requests that may wait or be worked on; others are refused.
        timeout_s: that a request may take.

    Attributes:
        pending: requests that wait or are worked on.
    """

    def __init__(
        self,
        making: Making,
        told: Callable[[Scope, Answer], None],
        log: PredictionLog | None,
        most_waiting: int,
        timeout_s: float,
    ):
        self._making, self._told = making, told
        self._writing = None if log is None else Writing(log)
        self._most_waiting = most_waiting
        self._waiting: list[Waiting] = []
        self.pending = 0
        self._due = False
        self._deadlines = Deadlines(timeout_s)

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
        waiter: Waiter[Answer] = Waiter()
        self._waiting.append(Waiting(waiter, scope, asked))
        self._call_turn(loop)
        self._deadlines.add(loop, waiter)
        return await waiter

    def _call_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._due:
            self._due = True
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer what has come in; what is too much for a group, in the next turn."""
        self._due = False
        if self._making.full:
            return  # a group that ends calls again
        first = self._waiting[:MOST_TOGETHER]
        del self._waiting[:MOST_TOGETHER]
        group = [each for each in first if not each.answer.told]
        self.pending -= len(first) - len(group)
        if self._waiting:
            self._call_turn(loop)
        if group:
            asked = [(each.scope, each.asked) for each in group]
            self._making.make(loop, asked, partial(self._made, loop, group))

    def _made(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[Waiting],
        made: Sequence[Made],
    ) -> None:
        """Give errors at once, and answers when they are in the log."""
        self.pending -= len(group)
        if self._waiting:
            self._call_turn(loop)
        answered: list[tuple[Waiting, Answer]] = []
        entries: list[Logged] = []
        for waiting, each in zip(group, made, strict=True):
            if isinstance(each, Exception):
                waiting.answer.fail(each)
            else:
                answered.append((waiting, each[0]))
                entries.append(each[1])

        def give(error: Exception | None) -> None:
            for waiting, answer in answered:
                if error is not None:
                    waiting.answer.fail(error)
                elif not waiting.answer.told:
                    self._told(waiting.scope, answer)
                    waiting.answer.tell(answer)

        if self._writing is None:
            give(None)
        elif entries:
            self._writing.write(loop, entries, give)


class Deadlines:
    """Ends waits that have taken too long, with one timer for all.

    Args:
        timeout_s: of each.
    """

    def __init__(self, timeout_s: float):
        self._timeout_s = timeout_s
        self._waiters: deque[tuple[float, Waiter[Answer]]] = deque()
        self._set = False

    def add(self, loop: asyncio.AbstractEventLoop, waiter: Waiter[Answer]) -> None:
        """From now on a wait has its time."""
        waiters = self._waiters
        while waiters and waiters[0][1].told:
            waiters.popleft()
        waiters.append((loop.time() + self._timeout_s, waiter))
        if not self._set:
            self._set = True
            loop.call_later(self._timeout_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        waiters = self._waiters
        while waiters and (waiters[0][1].told or waiters[0][0] <= loop.time()):
            waiters.popleft()[1].fail(late())
        self._set = bool(waiters)
        if waiters:
            wait_s = max(waiters[0][0] - loop.time(), 0.001)
            loop.call_later(wait_s, self._look, loop)

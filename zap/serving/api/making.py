"""Where groups of predictions are made: in the loop, or in a thread.

A store that is a file of this machine is read in the event loop while that is quick: a
way to another thread and back costs half as much as all the rest. A store behind a
network is asked in the loop too where it can be asked without waiting for it, and else
in a worker, or one that hangs would hold up those who do not need it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from zap.serving.answers import Answer
from zap.serving.api.asgi import Scope
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.workers import Workers
from zap.serving.log import Logged

Asked: TypeAlias = tuple[Scope, PredictionRequest]
Made: TypeAlias = "tuple[Answer, Logged] | Exception"
Make = Callable[[Sequence[Asked]], Sequence[Made]]
Then = Callable[[Sequence[Made]], None]


class Making(Protocol):
    """Makes an answer and its entry, or the error, of each request of a group."""

    @property
    def full(self) -> bool:
        """Whether no group can be begun now; one that ends makes room."""

    def make(
        self, loop: asyncio.AbstractEventLoop, asked: Sequence[Asked], then: Then
    ) -> None:
        """Begin a group; ``then`` is called with what is made of it."""


class WhileQuick:
    """Makes groups in the loop while that is quick, and else in a thread aside.

    A read of a file can't be bounded from outside: a disk that stalls holds the loop
    for as long as it does. So after one slow group the others are made aside for a
    while, where those who need no store are not held up by it. A group is also slow on
    a processor that others use, so that must be no worse than in the loop: no batch
    waits in the same line.

    Args:
        make: makes one.
        aside: a thread for nothing else.
        timeout_s: of a group there.
        slow_s: a group that took so long was slow.
        pause_s: how long the loop makes none then.
    """

    def __init__(
        self,
        make: Make,
        aside: Workers,
        timeout_s: float,
        slow_s: float = 0.05,
        pause_s: float = 1.0,
    ):
        self._make = make
        self._aside = InWorkers(make, aside, timeout_s)
        self._slow_s, self._pause_s = slow_s, pause_s
        self._quick_from = 0.0

    @property
    def full(self) -> bool:
        """See `Making`."""
        return self._aside.full and time.monotonic() < self._quick_from

    def make(
        self, loop: asyncio.AbstractEventLoop, asked: Sequence[Asked], then: Then
    ) -> None:
        """See `Making`."""
        begun = time.monotonic()
        if begun < self._quick_from:
            self._aside.make(loop, asked, then)
            return
        made = tried(self._make, asked)
        ended = time.monotonic()
        if ended - begun > self._slow_s:
            self._quick_from = ended + self._pause_s
        then(made)


class Asking:
    """Asks the store in the loop, and makes a group when it has answered.

    Args:
        ask: has a group made.
    """

    full = False

    def __init__(self, ask: Callable[[Sequence[Asked], Then], None]):
        self._ask = ask

    def make(
        self, loop: asyncio.AbstractEventLoop, asked: Sequence[Asked], then: Then
    ) -> None:
        """See `Making`."""
        told = False

        def tell(made: Sequence[Made]) -> None:
            nonlocal told
            told = True
            then(made)

        try:
            self._ask(asked, tell)
        except Exception as error:
            if told:
                raise
            then([error] * len(asked))


class InWorkers:
    """Makes groups in workers, as many at once as there are threads.

    Args:
        make: makes one.
        workers: the threads.
        timeout_s: of a group.
    """

    def __init__(self, make: Make, workers: Workers, timeout_s: float):
        self._make, self._workers, self._timeout_s = make, workers, timeout_s
        self._groups: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """See `Making`."""
        return len(self._groups) >= self._workers.threads

    def make(
        self, loop: asyncio.AbstractEventLoop, asked: Sequence[Asked], then: Then
    ) -> None:
        """See `Making`."""
        self._groups.add(loop.create_task(self._elsewhere(asked, then)))

    async def _elsewhere(self, asked: Sequence[Asked], then: Then) -> None:
        made: Sequence[Made]
        try:
            made = await self._workers.run(self._timeout_s, tried, self._make, asked)
        except Exception as error:
            made = [error] * len(asked)
        task = asyncio.current_task()
        assert task is not None
        self._groups.discard(task)
        then(made)


def tried(make: Make, asked: Sequence[Asked]) -> Sequence[Made]:
    """What is made of a group, whatever happens."""
    try:
        return make(asked)
    except Exception as error:
        return [error] * len(asked)

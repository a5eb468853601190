"""Where groups of predictions are made: in the loop, or in a worker.

A store that is a file of this machine is read in the event loop: a way to another
thread and back costs half as much as all the rest. A store behind a network is asked in
the loop too where it can be asked without waiting for it, and else in a worker, or one
that hangs would hold up those who do not need it.
"""

from __future__ import annotations

import asyncio
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


class InLoop:
    """Makes groups at once.

    Args:
        make: makes one.
    """

    full = False

    def __init__(self, make: Make):
        self._make = make

    def make(
        self, loop: asyncio.AbstractEventLoop, asked: Sequence[Asked], then: Then
    ) -> None:
        """See `Making`."""
        then(tried(self._make, asked))


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
        self._ask(asked, then)


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

"""Coroutines that are begun where they are, and need no task of the event loop.

A task is made, put in the loop's queue, and woken through it again: some turns of the
loop for a request whose only wait is for the end of one. A coroutine that is `driven`
runs at once until it waits for a `Waiter`, and goes on in the call that tells it. What
waits for anything else goes on in a task from there. Until then there is no current
task, so nothing that needs one (``asyncio.timeout``) may come before the first wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from types import coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Waiter(Generic[T]):
    """Something that will be told once, in the thread of the loop.

    Attributes:
        told: whether it is.
    """

    __slots__ = ("_error", "_found", "_then", "told")

    def __init__(self) -> None:
        self.told = False
        self._found: T | None = None
        self._error: Exception | None = None
        self._then: Callable[[], None] | None = None

    def tell(self, found: T) -> None:
        """What was waited for; what is told later counts for nothing."""
        if not self.told:
            self._found = found
            self._go_on()

    def fail(self, error: Exception) -> None:
        """Why it will not come; as ``tell``."""
        if not self.told:
            self._error = error
            self._go_on()

    def then(self, call: Callable[[], None]) -> None:
        """Have something called when it is told."""
        self._then = call

    def _go_on(self) -> None:
        self.told = True
        then, self._then = self._then, None  # it refers to who holds this
        if then is not None:
            then()

    def __await__(self) -> Generator[Any, None, T]:
        if not self.told:
            if asyncio.current_task() is None:
                yield self
            else:
                future = asyncio.get_running_loop().create_future()
                self.then(partial(_done, future))
                yield from future
        if self._error is not None:
            raise self._error
        return self._found  # type: ignore[return-value]


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Driven:
    """A coroutine on its way.

    Args:
        coroutine: it handles its own errors.
        loop: where it runs.
        under_way: holds what is not at its end yet: this, or its task.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        under_way: set[Any],
    ):
        self._coroutine, self._loop, self._under_way = coroutine, loop, under_way
        self._awaited: Waiter[Any] | None = None

    def begin(self) -> None:
        """Run until it must wait."""
        self._under_way.add(self)
        self._step()

    def cancel(self, msg: object = None) -> None:
        """End it where it waits, as a task is ended: in the loop's next turn."""
        self._loop.call_soon(self._end, msg)

    def _end(self, msg: object) -> None:
        if self._awaited is not None:
            self._awaited.then(_nothing)  # it waits for that no more
            with suppress(asyncio.CancelledError):
                self._run(partial(self._coroutine.throw, asyncio.CancelledError(msg)))

    def _step(self) -> None:
        self._run(partial(self._coroutine.send, None))

    def _run(self, resume: Callable[[], Any]) -> None:
        """Go on until it must wait, or is at its end."""
        self._awaited = None
        try:
            awaited = resume()
        except BaseException as error:
            self._under_way.discard(self)
            if isinstance(error, StopIteration):
                return
            raise
        if isinstance(awaited, Waiter):
            self._awaited = awaited
            awaited.then(self._step)
            return
        task = self._loop.create_task(_rest(self._coroutine, awaited))
        self._under_way.discard(self)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


def _nothing() -> None:
    pass


@coroutine
def _rest(driven: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that waits for something of the loop's own."""
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = driven.throw(error)
            else:
                awaited = driven.send(sent)
    except StopIteration:
        return

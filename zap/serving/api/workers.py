"""Threads that do the work of requests: few, and with a short queue before them.

A request that would have to wait behind too many is refused at once, so that the queue
never grows and those who wait are answered in time. Each has a deadline: what could not
begin before it is not begun. A thread can't be stopped from outside; what it does is
bounded by the time-outs of the store and the log.

Requests of one kind that wait when a thread comes free may be done together: then the
store, the model and the log are each asked once. Nobody waits for others to come.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from zap.serving.api.refusals import Refused, busy, retry_after

T = TypeVar("T")
Given = tuple[Any, ...]
Together = Callable[[Sequence[Given]], Sequence[Any]]

MOST_TOGETHER = 8


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    deadline: float
    call: Callable[..., Any]
    given: Given
    together: Together | None


class Workers:
    """A bounded pool for one event loop.

    Args:
        threads: how many.
        max_waiting: requests that may wait for one.

    Attributes:
        pending: requests that wait or are worked on.
    """

    def __init__(self, threads: int, max_waiting: int):
        self._most = threads + max_waiting
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        timeout_s: float,
        call: Callable[..., T],
        *given: Any,
        together: Together | None = None,
    ) -> T:
        """What ``call`` returns, called in a thread.

        Args:
            timeout_s: from now to its answer.
            call: what to do.
            *given: its arguments.
            together: does the same for several that wait, at less than the cost of all:
                takes the arguments of each to what is returned, or raised, for each.

        Raises:
            Refused: too many wait (503), or it took too long (504).
        """
        if self.pending >= self._most:
            raise busy("busy", 1)
        loop = asyncio.get_running_loop()
        self._loop = loop
        future: asyncio.Future[T] = loop.create_future()
        self.pending += 1
        deadline = time.monotonic() + timeout_s
        self._queue.put(_Job(future, deadline, call, given, together))
        timer = loop.call_later(timeout_s, _expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    def close(self, wait_s: float) -> None:
        """End the threads once they are done with what they have."""
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        own: deque[_Job | None] = deque()  # taken from the queue, and not yet done
        while (job := own.popleft() if own else self._queue.get()) is not None:
            group = [job]
            if job.together is not None:
                self._join(group, own)
            ended = _ended(group)
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._done, ended)
            except RuntimeError:
                return  # the loop has ended, and nobody waits any more

    def _join(self, group: list[_Job], own: deque[_Job | None]) -> None:
        """Take what waits and can be done together with the first of the group."""
        while len(group) < MOST_TOGETHER:
            try:
                further = self._queue.get_nowait()
            except Empty:
                return
            if further is None or further.together is not group[0].together:
                own.append(further)
                return
            group.append(further)

    def _done(self, ended: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
        self.pending -= len(ended)
        for future, found in ended:
            if future.done():
                continue
            if isinstance(found, BaseException):
                future.set_exception(found)
            else:
                future.set_result(found)


def _ended(group: Sequence[_Job]) -> list[tuple[asyncio.Future[Any], Any]]:
    """Each job's future with what it came to: a result, or an error."""
    now = time.monotonic()
    ended: list[tuple[asyncio.Future[Any], Any]] = [
        (job.future, late()) for job in group if now >= job.deadline
    ]
    timely = [job for job in group if now < job.deadline]
    try:
        if len(timely) == 1 or (timely and timely[0].together is None):
            found: Sequence[Any] = [job.call(*job.given) for job in timely]
        elif timely and timely[0].together is not None:
            found = timely[0].together([job.given for job in timely])
        else:
            found = ()
    except BaseException as raised:  # the requests', not the thread's
        found = [raised] * len(timely)
    return ended + [(j.future, f) for j, f in zip(timely, found, strict=True)]


def _expire(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(late())


def late() -> Refused:
    """A request took longer than it may."""
    return Refused(
        504,
        "too_slow",
        "The answer took longer than a request may. Try again after the seconds of "
        "Retry-After.",
        "too_slow",
        [retry_after(1)],
    )

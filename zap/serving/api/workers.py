"""Threads that do the work of requests: few, and with a short queue before them.

A request that would have to wait behind too many is refused at once, so that the queue
never grows and those who wait are answered in time. Each has a deadline: what could not
begin before it is not begun. A thread can't be stopped from outside; what it does is
bounded by the time-outs of the store and the log.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from zap.serving.api.refusals import Refused, busy, retry_after

T = TypeVar("T")


class _Job(NamedTuple):
    future: asyncio.Future[Any]
    deadline: float
    call: Callable[..., Any]
    given: tuple[Any, ...]


class Workers:
    """A bounded pool for one event loop.

    Args:
        threads: how many.
        max_waiting: requests that may wait for one.

    Attributes:
        threads: how many.
        pending: calls that wait or are worked on.
    """

    def __init__(self, threads: int, max_waiting: int):
        self.threads = threads
        self._most = threads + max_waiting
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0
        self._pool = [
            threading.Thread(target=self._work, name=f"worker-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._pool:
            thread.start()

    async def run(self, timeout_s: float, call: Callable[..., T], *given: Any) -> T:
        """What ``call`` returns, called in a thread.

        Args:
            timeout_s: from now to its answer.
            call: what to do.
            *given: its arguments.

        Raises:
            Refused: too many wait (503), or it took too long (504).
        """
        if self.pending >= self._most:
            raise busy("busy", 1)
        loop = asyncio.get_running_loop()
        self._loop = loop
        future: asyncio.Future[T] = loop.create_future()
        self.pending += 1
        self._queue.put(_Job(future, time.monotonic() + timeout_s, call, given))
        timer = loop.call_later(timeout_s, expire, future)
        try:
            return await future
        finally:
            timer.cancel()

    def close(self, wait_s: float) -> None:
        """End the threads once they are done with what they have."""
        for _ in self._pool:
            self._queue.put(None)
        until = time.monotonic() + wait_s
        for thread in self._pool:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            found = _outcome(job)
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._done, job.future, found)
            except RuntimeError:
                return  # the loop has ended, and nobody waits any more

    def _done(self, future: asyncio.Future[Any], found: Any) -> None:
        self.pending -= 1
        if future.done():
            return
        if isinstance(found, BaseException):
            future.set_exception(found)
        else:
            future.set_result(found)


def _outcome(job: _Job) -> Any:
    """What a job comes to: a result, or an error."""
    if time.monotonic() >= job.deadline:
        return late()
    try:
        return job.call(*job.given)
    except BaseException as raised:  # the request's, not the thread's
        return raised


def expire(future: asyncio.Future[Any]) -> None:
    """End the wait for what has taken too long."""
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

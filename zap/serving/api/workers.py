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
from typing import Any, TypeVar

from zap.serving.api.refusals import Refused, busy, retry_after

T = TypeVar("T")
_Job = tuple[asyncio.Future[Any], float, Callable[..., Any], tuple[Any, ...]]


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
        self._queue.put((future, time.monotonic() + timeout_s, call, given))
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
        while (job := self._queue.get()) is not None:
            future, deadline, call, given = job
            found: Any = None
            error: BaseException | None = None
            if time.monotonic() >= deadline:
                error = late()
            else:
                try:
                    found = call(*given)
                except BaseException as raised:  # the request's, not the thread's
                    error = raised
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._done, future, found, error)
            except RuntimeError:
                return  # the loop has ended, and nobody waits any more

    def _done(
        self, future: asyncio.Future[Any], found: Any, error: BaseException | None
    ) -> None:
        self.pending -= 1
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(found)


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

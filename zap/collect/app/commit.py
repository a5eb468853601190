"""Requests that are handled together are synced together.

While one group is being synced, the records of the requests that come meanwhile are
gathered, and go in one piece when it is done: one sync, and one call from the writer's
thread, for all of them. Nobody waits for others to come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from zap.collect.protocol import Fate, Unaccepted
from zap.collect.spool.options import SpoolFull
from zap.collect.spool.spool import Done
from zap.errors import CollectError

GROUP_BYTES = 8 << 20
"""More waits for the next group, so that no group is refused for being large."""


class Submits(Protocol):
    """What is needed of a spool."""

    def submit(self, records: Sequence[bytes], done: Done) -> None:
        """Have records written; ``done`` is called when they are synced, or not."""
        ...


class Committer:
    """Brings records of one event loop to a spool.

    Args:
        spool: where they are safe.
        timeout_s: how long a group may take to be synced.
        retry_after_s: what is said where the spool has no room.
    """

    def __init__(self, spool: Submits, timeout_s: float, retry_after_s: float):
        self._spool, self._timeout_s = spool, timeout_s
        self._retry_after_s = retry_after_s
        self._waiting: deque[tuple[Sequence[bytes], asyncio.Future[None]]] = deque()
        self._begun = False  # a group is being synced, or is about to be submitted

    def append(self, records: Sequence[bytes]) -> asyncio.Future[None]:
        """Done when the records are on disk; else raises `Unaccepted`.

        To be called in the event loop.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((records, future))
        if not self._begun:
            self._begun = True
            loop.call_soon(self._submit, loop)
        return future

    def _submit(self, loop: asyncio.AbstractEventLoop) -> None:
        records, waiting = self._next()
        group = _Group(loop, waiting)
        group.timer = loop.call_later(self._timeout_s, self._end, group, _LATE)

        def done(error: CollectError | None) -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(self._end, group, error)

        try:
            self._spool.submit(records, done)
        except CollectError as error:
            self._end(group, error)

    def _next(self) -> tuple[list[bytes], list[asyncio.Future[None]]]:
        """The records of the next group, and who waits for them."""
        records: list[bytes] = []
        waiting: list[asyncio.Future[None]] = []
        size = 0
        while self._waiting and size < GROUP_BYTES:
            more, future = self._waiting.popleft()
            records += more
            waiting.append(future)
            size += sum(map(len, more))
        return records, waiting

    def _end(self, group: _Group, error: CollectError | None) -> None:
        """Answer a group, and go on with what has gathered."""
        if group.ended:
            return  # it was too late, and has been told so
        group.ended = True
        group.timer.cancel()
        for future in group.waiting:
            if future.done():
                continue  # its client has gone
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(self._unaccepted(error))
        if self._waiting:
            self._submit(group.loop)
        else:
            self._begun = False

    def _unaccepted(self, error: CollectError) -> Unaccepted:
        fate, message = Fate.FAILED, "The events could not be written to disk."
        if isinstance(error, SpoolFull):
            fate, message = Fate.FULL, "There is no room for more events now."
        elif error is _LATE:
            message = "The disk takes too long."
        told = f"{message} Try again after the seconds of Retry-After."
        return Unaccepted(fate, told, self._retry_after_s)


class _Group:
    """Requests whose records are synced together."""

    timer: asyncio.TimerHandle

    def __init__(
        self, loop: asyncio.AbstractEventLoop, waiting: Sequence[asyncio.Future[None]]
    ):
        self.loop, self.waiting = loop, waiting
        self.ended = False


_LATE = CollectError("Expected a disk that answers in time.")

"""Answers on their way through the log: given once it has their entries.

The log has a thread of its own, so that no disk can hold up the loop. While the disk
is quick the loop waits for that thread, at most `PATIENCE_S`: it takes longer to come
back to the loop by its queue than to write a line. A group that takes longer ends that:
from then on, for `RESTLESS_S`, the loop goes on and is called when the lines are there.
So a disk that stalls costs the loop a twenty-fifth of its time at most, and each
request its own ``wait_ms``. Longer restlessness would cost more than it spares: on a
processor that others use too, a write takes two milliseconds once in a while.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from zap.errors import LogError
from zap.serving.log import Logged, PredictionLog

PATIENCE_S = 0.002
RESTLESS_S = 0.05

Give = Callable[[Exception | None], None]


class Writing:
    """Writes groups of entries, and has answers given.

    Args:
        log: where entries go.

    Attributes:
        patient_from: the loop's time from which on it waits for the log itself.
    """

    def __init__(self, log: PredictionLog):
        self.log = log
        self.patient_from = 0.0

    def write(
        self, loop: asyncio.AbstractEventLoop, entries: Sequence[Logged], give: Give
    ) -> None:
        """Have entries written.

        Args:
            loop: that runs.
            entries: of one group.
            give: called with None when their answers may be given, with an error when
                they may not.
        """
        group = _Group(self.log, give)
        try:
            group.hand_over(entries)
        except LogError as error:
            give(error)
            return
        if loop.time() >= self.patient_from:
            if group.written.acquire(timeout=PATIENCE_S):
                group.end()
                return
            self.patient_from = loop.time() + RESTLESS_S
        group.wait(loop)


class _Group:
    """Entries that are handed over, and what becomes of them."""

    def __init__(self, log: PredictionLog, give: Give):
        self._log, self._give = log, give
        self._open = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.written = threading.Lock()  # free once they are
        self.written.acquire()

    def hand_over(self, entries: Sequence[Logged]) -> None:
        self._handed = self._log.submit(entries, self._told)

    def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the loop called; it goes on meanwhile."""
        # First the loop is there, then it is asked whether it came too late to be
        # called: the thread of the log does the two the other way round.
        self._loop = loop
        if not self.written.locked():
            self.end()
            return
        self._timer = loop.call_later(self._log.options.wait_ms / 1000, self._late)

    def _told(self) -> None:
        """In the thread of the log."""
        self.written.release()
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self.end)
            except RuntimeError:
                return  # the loop has ended, and nobody waits any more

    def end(self) -> None:
        """What became of the entries is known."""
        if self._timer is not None:
            self._timer.cancel()
        if self._open:
            self._open = False
            self._give(self._log.outcome(self._handed))

    def _late(self) -> None:
        if not self.written.locked():  # in time: it was the loop that was busy
            self.end()
        elif self._open:
            self._open = False
            self._give(self._log.give_up(self._handed))

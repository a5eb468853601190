"""What waits for the disk: bounded, in the order in which it came."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from zap.collect.spool.blocks import size_of
from zap.collect.spool.room import Room
from zap.collect.spool.segments import HEADER
from zap.errors import CollectError

GROUP_BYTES = 8 << 20

Hear = Callable[[int, CollectError | None], None]
"""Is told the number of the first record once all are synced, or why none is kept."""


class Submission(NamedTuple):
    """Records that stay together, and who hears of them.

    Attributes:
        records: at least one.
        size: bytes that they take on the disk, at most.
        hear: is called, in the spool's thread, when it is known what became of them.
    """

    records: Sequence[bytes]
    size: int
    hear: Hear


def settle(
    group: Sequence[Submission], first: int, error: CollectError | None = None
) -> None:
    """Tell all of a group; one that raises is reported, and the others hear."""
    for each in group:
        try:
            each.hear(first, error)
        except Exception:
            report()
        first += len(each.records)


def report() -> None:
    """Say of an exception that nobody else can hear of, as threads do."""
    kind, value, trace = sys.exc_info()
    assert kind is not None
    given = (kind, value, trace, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(given))


class Queue:
    """Takes submissions from many threads, and gives groups of them to one.

    Args:
        folder: the spool's, for messages.
        room: says whether more may wait.

    Attributes:
        closed: whether nothing more is taken.
    """

    def __init__(self, folder: Path, room: Room):
        self._folder = folder
        self._room = room
        self._waiting: deque[Submission] = deque()
        self._changed = threading.Condition()
        self.closed = False

    def put(self, records: Sequence[bytes], hear: Hear) -> None:
        """Have records wait for the disk; never waits itself.

        Raises:
            SpoolFull: there is no room.
            CollectError: it is closed, or a record is empty.
        """
        if not records or not all(records):
            raise CollectError(
                "Expected at least one record, and none that is empty. "
                f"Received: {len(records)} records. Leave empty ones out."
            )
        size = size_of(records) + HEADER.size  # if it begins a segment
        with self._changed:
            if self.closed:
                raise CollectError(
                    f"Expected an open spool. Received: {self._folder}, which is "
                    "closed. Open it again."
                )
            self._room.reserve(size)
            self._waiting.append(Submission(records, size, hear))
            if len(self._waiting) == 1:
                self._changed.notify()

    def take(self, timeout_s: float) -> list[Submission]:
        """What waits, up to a bound; nothing where nothing came in that time."""
        group: list[Submission] = []
        size = 0
        with self._changed:
            if not self._waiting and not self.closed:
                self._changed.wait(timeout_s)
            waiting = self._waiting
            while waiting and (not group or size + waiting[0].size <= GROUP_BYTES):
                group.append(waiting.popleft())
                size += group[-1].size
        return group

    def done(self, group: Sequence[Submission]) -> None:
        """They wait no more."""
        with self._changed:
            self._room.free(sum(each.size for each in group))

    def close(self) -> None:
        """Take nothing more."""
        with self._changed:
            self.closed = True
            self._changed.notify()

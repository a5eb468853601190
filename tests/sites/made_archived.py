"""Events on their way to an archive, what it holds of them, and disks that fail."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

from zap.collect.record import encode_event
from zap.collect.spool.reader import Batch
from zap.events.archive_files import current

NOW = 1_709_287_200_000_000  # 2024-03-01T10:00:00Z
DAY = 86_400_000_000
Event = dict[str, Any]


def event_of(event_id: str, source: str = "shop", day: int = 0, **more: Any) -> Event:
    """An event that came in some days after the first."""
    at = NOW + day * DAY
    base = {"event_id": event_id, "source": source, "type": "page_view"}
    return {**base, "timestamp": at - 5, "received_at": at, **more}


def batch_of(events: Sequence[Event | bytes], first: int = 0) -> Batch:
    """A batch of events, or of records."""
    records = [
        each if isinstance(each, bytes) else encode_event(each) for each in events
    ]
    return Batch(first, records, first + len(records))


def files_of(root: Path) -> list[str]:
    """The files that hold the archive's events now."""
    return current(sorted(map(str, root.glob("source=*/day=*/*.parquet"))))


def rows_of(root: Path) -> list[dict[str, Any]]:
    """All rows of an archive in the order of their numbers, each folder's checked."""
    rows = []
    for path in files_of(root):
        with open(path, "rb") as file:
            found = pq.read_table(file).to_pylist()
        numbers = [row["sequence"] for row in found]
        assert numbers == sorted(numbers), path
        rows += found
    return sorted(rows, key=lambda row: row["sequence"])


def held_ids(root: Path) -> list[tuple[int, str, str]]:
    return [(row["sequence"], row["source"], row["event_id"]) for row in rows_of(root)]


class Killed(BaseException):
    """The process ends here."""


CALLS = ("replace", "fsync", "mkdir", "unlink", "open", "scandir")


@contextmanager
def failing(
    root: Path, at: int, error: type[BaseException], done: bool
) -> Iterator[list[int]]:
    """Let a call of the file system fail.

    Args:
        root: an archive that is there or will be.
        at: which call, from 0.
        error: ``OSError`` fails once. ``Killed`` fails from then on, as the dead do
            nothing, and takes half of what was not synced with it, as a power cut may.
        done: whether the call has its effect before it fails.

    Yields:
        A list that holds the number of calls.
    """
    calls, synced, real = [0], set[int](), {name: getattr(os, name) for name in CALLS}
    # Files that are there are synced; what a sync does is told by ``synced``.
    synced.update(path.stat().st_ino for path in root.rglob("*"))
    real["fsync"] = lambda descriptor: synced.add(os.fstat(descriptor).st_ino)

    def wrapped(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            number, calls[0] = calls[0], calls[0] + 1
            if number < at or (number > at and error is OSError):
                return real[name](*args, **kwargs)
            if number == at and done:
                real[name](*args, **kwargs)
            raise error(28, "No space left on device") if error is OSError else error

        return call

    try:
        with mock.patch.multiple(os, **{name: wrapped(name) for name in CALLS}):
            yield calls
    except Killed:
        for path in root.rglob("*"):
            if path.is_file() and path.stat().st_ino not in synced:
                os.truncate(path, path.stat().st_size // 2)
        raise

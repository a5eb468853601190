"""Bad rows found, and counted by source, day and reason."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.collect.bad.files import ROWS, files_of, lines_in, source_of
from zap.collect.bad.marks import marked
from zap.collect.bad.rows import StoredRow, row_of
from zap.times import DAY_US, instant_us, iso


@dataclass(frozen=True)
class Wanted:
    """Which bad rows are meant; all, where nothing is said.

    Attributes:
        source: only of this one.
        reason: only of this one, or, where it ends in ``.``, of all that begin so.
        from_us, until_us: received from the one on, and before the other, in
            microseconds since 1970.
    """

    source: str | None = None
    reason: str | None = None
    from_us: int | None = None
    until_us: int | None = None

    def files(self, folder: Path) -> list[Path]:
        """The files that may hold such rows, sorted by source and day."""
        return [path for path in files_of(folder, self.source) if self._may_hold(path)]

    def has(self, row: StoredRow) -> bool:
        """Whether a row of these files is meant."""
        family = self.reason or ""
        if family.endswith("."):
            if not row.reason.startswith(family):
                return False
        elif self.reason not in (None, row.reason):
            return False
        if self.from_us is not None and row.received_us < self.from_us:
            return False
        return self.until_us is None or row.received_us < self.until_us

    def _may_hold(self, path: Path) -> bool:
        begin = instant_us(path.name.removesuffix(ROWS))
        if self.from_us is not None and begin + DAY_US <= self.from_us:
            return False
        return self.until_us is None or begin < self.until_us


@dataclass(frozen=True)
class Found:
    """A bad row and whether it was replayed."""

    row: StoredRow
    replayed: bool

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON shows it."""
        row = self.row
        return {
            "number": row.identity.number,
            "received_at": iso(row.received_us),
            "source": row.source,
            "reason": row.reason,
            "detail": row.detail,
            "replayed": self.replayed,
            "payload": row.payload,
        }


def rows_of(path: Path, unread: MutableMapping[str, int]) -> Iterator[StoredRow]:
    """The rows of a file; what is forgotten or damaged is counted.

    Raises:
        CollectError: the file can't be read.
    """
    for line in lines_in(path):
        try:
            row = row_of(line)
        except ValueError:
            unread["damaged"] = unread.get("damaged", 0) + 1
            continue
        if row is None:
            unread["forgotten"] = unread.get("forgotten", 0) + 1
        else:
            yield row


def find(
    folder: Path, wanted: Wanted, unread: MutableMapping[str, int]
) -> Iterator[Found]:
    """The rows that are meant, by source, day, and as they were delivered.

    Args:
        folder: of the bad rows.
        wanted: which are meant.
        unread: lines that hold no row, by why, are added here.

    Raises:
        CollectError: a file can't be read.
    """
    for path in wanted.files(folder):
        replayed = marked(path)
        for row in rows_of(path, unread):
            if wanted.has(row):
                yield Found(row, row.identity in replayed)


def latest(folder: Path, wanted: Wanted, most: int) -> list[Found]:
    """The rows of those meant that came last, the last one first.

    Raises:
        CollectError: a file can't be read.
    """
    found = find(folder, wanted, {})
    return heapq.nlargest(
        most, found, key=lambda each: (each.row.received_us, each.row.identity)
    )


def counted(folder: Path, wanted: Wanted) -> dict[str, Any]:
    """How many bad rows there are, by source, day and reason.

    Returns:
        ``rows``, a list of ``source``, ``day``, ``reason``, ``rows`` and of those
        ``replayed``; ``total``; ``replayed``; and ``unread`` by why.

    Raises:
        CollectError: a file can't be read.
    """
    unread: dict[str, int] = {}
    rows: Counter[tuple[str, str, str]] = Counter()
    again: Counter[tuple[str, str, str]] = Counter()
    for path in wanted.files(folder):
        replayed = marked(path)
        source, day = source_of(path), path.name.removesuffix(ROWS)
        for row in rows_of(path, unread):
            if wanted.has(row):
                rows[source, day, row.reason] += 1
                again[source, day, row.reason] += row.identity in replayed
    return {
        "rows": [
            {
                "source": source,
                "day": day,
                "reason": reason,
                "rows": number,
                "replayed": again[source, day, reason],
            }
            for (source, day, reason), number in sorted(rows.items())
        ],
        "total": rows.total(),
        "replayed": again.total(),
        "unread": unread,
    }

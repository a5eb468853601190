"""Bad rows that are events today, brought to the spool, each once.

First the events are left in the spool's inbox, on disk; then the rows are marked; then
the writer of the spool takes the events up: the running collector, or, where there is
none, whoever replays. A kill at any moment loses none, and what it repeats has the same
event ids.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zap.collect.bad import inbox
from zap.collect.bad.again import Again, Still
from zap.collect.bad.files import writing
from zap.collect.bad.listing import Wanted, rows_of
from zap.collect.bad.marks import mark, marked
from zap.collect.bad.rows import Identity
from zap.collect.spool import Spool, SpoolTaken

MOST_ROWS = 1_000
MOST_BYTES = 4 << 20
LONGEST_WAIT_S = 10.0


@dataclass
class Replayed:
    """What became of the rows that were meant.

    Attributes:
        replayed: rows that are events now, by the reason that they were refused for.
        still: rows that are none today either, by the reason of today; ``cannot`` are
            those that nothing knows how to read.
        before: rows that had been replayed already.
        events: that the replayed rows were.
        unread: lines that hold no row, by why.
        waiting: whether the collector has not taken them up yet.
    """

    replayed: Counter[str] = field(default_factory=Counter)
    still: Counter[str] = field(default_factory=Counter)
    before: int = 0
    events: int = 0
    unread: dict[str, int] = field(default_factory=dict)
    waiting: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in vars(self).items()
        }


@dataclass
class _Chunk:
    """Rows of one file, and the events that they are."""

    rows: list[Identity] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    size: int = 0


def replay(
    bad: Path, spool: Path, again: Again, wanted: Wanted, dry_run: bool = False
) -> Replayed:
    """Replay the rows that are meant and were not replayed yet.

    Args:
        bad: folder of the bad rows.
        spool: folder of the spool.
        again: reads rows.
        wanted: which rows are meant.
        dry_run: only say what would be.

    Raises:
        CollectError: a folder can't be read or written; what was done is marked.
    """
    found = Replayed()
    if not bad.is_dir():
        return found
    with writing(bad):  # one at a time
        for path in wanted.files(bad):
            for chunk in _chunks(path, again, wanted, found):
                found.replayed += chunk.reasons
                found.events += len(chunk.records)
                if not dry_run:
                    inbox.put(spool, chunk.records)
                    mark(path, chunk.rows)
    return found


def hand_over(
    spool: Path,
    opened: Callable[[Path], Spool] = Spool,
    wait_s: float = LONGEST_WAIT_S,
) -> bool:
    """Have what waits in the inbox taken up.

    Args:
        spool: its folder.
        opened: opens it as its collector would, for where none runs.
        wait_s: how long a running collector is given.

    Returns:
        Whether nothing waits any longer.

    Raises:
        SpoolFull: there is no room; what is left is taken up later.
        CollectError: the disk refuses.
    """
    until = time.monotonic() + wait_s
    while inbox.waiting(spool):
        try:
            with opened(spool) as own:
                inbox.take(own)
        except SpoolTaken:  # a collector runs: it takes them up itself
            if time.monotonic() >= until:
                return False
            time.sleep(0.1)
    return True


def _chunks(
    path: Path, again: Again, wanted: Wanted, found: Replayed
) -> Iterator[_Chunk]:
    """Rows of a file that are events today, by the thousand; others are counted."""
    chunk = _Chunk()
    before = marked(path)
    for row in rows_of(path, found.unread):
        if not wanted.has(row):
            continue
        if row.identity in before:
            found.before += 1
            continue
        records = again.records(row)
        if isinstance(records, Still):
            found.still[records.reason] += 1
            continue
        chunk.rows.append(row.identity)
        chunk.records += records
        chunk.reasons[row.reason] += 1
        chunk.size += sum(map(len, records))
        if len(chunk.rows) >= MOST_ROWS or chunk.size >= MOST_BYTES:
            yield chunk
            chunk = _Chunk()
    if chunk.rows:
        yield chunk

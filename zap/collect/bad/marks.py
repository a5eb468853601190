"""Which bad rows were replayed: a line with number and checksum for each.

Marks stand beside the rows of their day, in ``DAY.replayed``, and are synced once the
events are safe. A crash between the two replays a row again, to the same event id, of
which sinks keep one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zap.collect.bad.files import REPLAYED, append, lines_in
from zap.collect.bad.rows import Identity


def marked(path: Path) -> set[Identity]:
    """The rows of a file that were replayed.

    Raises:
        CollectError: the marks can't be read.
    """
    found = set()
    for line in lines_in(path.with_suffix(REPLAYED)):
        number, _, checksum = line.partition(b" ")
        if number.isdigit() and checksum.strip().isdigit():
            found.add(Identity(int(number), int(checksum)))
    return found


def mark(path: Path, rows: Iterable[Identity]) -> None:
    """Note that rows of a file were replayed, synced; for one who holds the lock.

    Raises:
        CollectError: the disk refuses.
    """
    lines = [b"%d %d\n" % identity for identity in rows]
    append(path.with_suffix(REPLAYED), lines)

"""Reading a spool by position, from any process, while it is written.

Only what is synced is seen: a record that was read is there after any crash. What is
damaged is never passed over in silence: see `Batch`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zap.collect.spool.blocks import Block
from zap.collect.spool.control import Told, read_told
from zap.collect.spool.cursor import Cursor, Part, oldest_of
from zap.collect.spool.damaged import filled, lost
from zap.collect.spool.options import SpoolStatus
from zap.collect.spool.segments import SegmentFile, bytes_of, segments_of
from zap.collect.spool.walking import Damage
from zap.errors import CollectError

MOST = 10_000
MOST_BYTES = 16 << 20
_SHORT_S, _LONG_S = 0.002, 0.05


@dataclass(frozen=True)
class Batch:
    """Records that follow each other.

    Attributes:
        first: the number of the first.
        records: the record with number ``first + i`` is ``records[i]``. It is empty
            where its subject was forgotten. Of a run of damaged records the first is a
            bad row with the reason ``spool.damaged``, the others are empty.
        next: the number behind the last: the position to go on from.
    """

    first: int
    records: list[bytes]
    next: int


class SpoolReader:
    """Reads the records of a spool. For one thread.

    Example:
        >>> import tempfile
        >>> from zap.collect.spool import Spool
        >>> spool = Spool(tempfile.mkdtemp())
        >>> reader = SpoolReader(spool.folder)
        >>> spool.append([b"E{}", b"B{}"])
        0
        >>> reader.read(1)
        Batch(first=1, records=[b'B{}'], next=2)
        >>> reader.wait(2, timeout_s=0)
        False

    Args:
        folder: the spool's; it need not be there yet.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self._cursor = Cursor(self.folder)
        self._last: tuple[SegmentFile, int] | None = None
        self._kept: list[bytes] = []

    @property
    def end(self) -> int:
        """The number behind the last record that is synced.

        Raises:
            CollectError: it can't be read.
        """
        with _reading(self.folder):
            return self._told().end

    @property
    def oldest(self) -> int:
        """The number of the first record that is still there; ``end`` if none is.

        Raises:
            CollectError: as for ``end``.
        """
        with _reading(self.folder):
            return oldest_of(segments_of(self.folder), self._told())

    def read(
        self, position: int, most: int = MOST, most_bytes: int = MOST_BYTES
    ) -> Batch:
        """The records from a position on.

        Args:
            position: the number of the first, from ``oldest`` to ``end``.
            most: how many at most.
            most_bytes: how many bytes at most; at least one record is given.

        Raises:
            CollectError: the position is not in the spool, or the disk fails.
        """
        records: list[bytes] = []
        room = most_bytes
        with _reading(self.folder):
            for part in self._records(position, most):
                fits = _within(part[: most - len(records)], room, not records)
                records += fits
                room -= sum(map(len, fits))
                if len(fits) < len(part):
                    break
        return Batch(position, records, position + len(records))

    def wait(self, position: int, timeout_s: float) -> bool:
        """Wait until there is a record with that number.

        Returns:
            Whether there is.

        Raises:
            CollectError: as for ``end``.
        """
        until = time.monotonic() + timeout_s
        pause = _SHORT_S
        while self.end <= position:
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONG_S)
        return True

    def written_us(self, position: int) -> int | None:
        """When a record was written, in microseconds since 1970.

        Returns:
            None where it is not there, or damaged.

        Raises:
            CollectError: as for ``end``.
        """
        with _reading(self.folder):
            told = self._told()
            if oldest_of(segments_of(self.folder), told) <= position < told.end:
                for _, _, what in self._cursor.parts(position, told):
                    return None if isinstance(what, Damage) else what.time_us
        return None

    def status(self) -> SpoolStatus:
        """How full the spool is, and whether its writer could write last.

        Raises:
            CollectError: as for ``end``.
        """
        with _reading(self.folder):
            segments, told = segments_of(self.folder), self._told()
            held = bytes_of(segments)
        return SpoolStatus(
            end=told.end,
            oldest=oldest_of(segments, told),
            bytes=held,
            max_bytes=told.max_bytes,
            failing=told.failing or None,
            torn=told.torn,
        )

    def close(self) -> None:
        """Close what is open; reading opens it again."""
        self._cursor.close()
        self._last, self._kept = None, []

    def _told(self) -> Told:
        return read_told(self.folder) or Told()

    def _records(self, position: int, most: int) -> Iterator[list[bytes]]:
        """The records from the position on, by blocks and runs of damage."""
        for part in self._cursor.parts(position, self._told()):
            if isinstance(part.what, Damage):
                yield lost(part.file, part.what, part.offset, position, most)
            else:
                skipped = max(0, position - part.what.first)
                yield self._block_of(part, part.what)[skipped:]

    def _block_of(self, part: Part, block: Block) -> list[bytes]:
        """A block's records; those of the last one are kept, as it is often cut."""
        if self._last != (part.file, block.first):
            self._kept = filled(part.file, part.offset, block)
            self._last = (part.file, block.first)
        return self._kept


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Say of what the system says where it comes from."""
    try:
        yield
    except OSError as error:
        raise CollectError(
            f"Expected to read the spool. Received: {folder}: {error}. "
            "Mend the disk, or let the user of this process read it."
        ) from error


def _within(records: list[bytes], room: int, at_least_one: bool) -> list[bytes]:
    """As many of the records as there is room for."""
    if sum(map(len, records)) <= room:
        return records
    taken = 0
    for record in records:
        room -= len(record)
        if room < 0 and not (at_least_one and not taken):
            break
        taken += 1
    return records[:taken]

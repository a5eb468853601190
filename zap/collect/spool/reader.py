"""Reading a spool by position, from any process, while it is written.

Only what is synced is seen: a record that was read is there after any crash. What is
damaged is never passed over in silence: see `Batch`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zap.collect.spool.blocks import Block
from zap.collect.spool.control import Told, read_told
from zap.collect.spool.damaged import filled, lost
from zap.collect.spool.options import SpoolStatus
from zap.collect.spool.segments import (
    Damage,
    Place,
    Segment,
    SegmentFile,
    bytes_of,
    segments_of,
    start_of,
    walk,
)
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
        self._file: SegmentFile | None = None
        self._place = Place(0, 0)
        self._next: int | None = None
        self._block: tuple[int, list[bytes]] = (-1, [])

    @property
    def end(self) -> int:
        """The number behind the last record that is synced.

        Raises:
            CollectError: the writer's file of it is damaged.
        """
        return self._told().end

    @property
    def oldest(self) -> int:
        """The number of the first record that is still there; ``end`` if none is.

        Raises:
            CollectError: as for ``end``.
        """
        return self._oldest(segments_of(self.folder), self._told())

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
        try:
            for part in self._parts(position, most):
                fits = _within(part[: most - len(records)], room, not records)
                records += fits
                room -= sum(map(len, fits))
                if len(fits) < len(part):
                    break
        except OSError as error:
            raise CollectError(
                f"Expected to read the spool. Received: {self.folder}: {error}. "
                "Mend the disk, or let the user of this process read it."
            ) from error
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
        told = self._told()
        if not self._oldest(segments_of(self.folder), told) <= position < told.end:
            return None
        for _, part in self._walk(position, told):
            return None if isinstance(part, Damage) else part.time_us
        return None

    def status(self) -> SpoolStatus:
        """How full the spool is, and whether its writer could write last.

        Raises:
            CollectError: as for ``end``.
        """
        segments, told = segments_of(self.folder), self._told()
        return SpoolStatus(
            end=told.end,
            oldest=self._oldest(segments, told),
            bytes=bytes_of(segments),
            max_bytes=told.max_bytes,
            failing=told.failing or None,
            torn=told.torn,
        )

    def close(self) -> None:
        """Close what is open; reading opens it again."""
        if self._file is not None:
            self._file.close()
        self._file, self._block = None, (-1, [])

    def _told(self) -> Told:
        return read_told(self.folder) or Told()

    @staticmethod
    def _oldest(segments: Sequence[Segment], told: Told) -> int:
        return min(segments[0].first, told.end) if segments else told.end

    def _parts(self, position: int, most: int) -> Iterator[list[bytes]]:
        """The records from the position on, by blocks and runs of damage."""
        told = self._told()
        if position > told.end or position < 0:
            raise self._outside(position, told)
        for offset, part in self._walk(position, told):
            if isinstance(part, Damage):
                assert self._file is not None
                yield lost(self._file, part, offset, position, most)
            else:
                yield self._records(offset, part)[max(0, position - part.first) :]

    def _records(self, offset: int, block: Block) -> list[bytes]:
        """A block's records; those of the last one are kept, as it is often cut."""
        if self._block[0] != block.first:
            assert self._file is not None
            self._block = (block.first, filled(self._file, offset, block))
        return self._block[1]

    def _walk(self, position: int, told: Told) -> Iterator[tuple[int, Block | Damage]]:
        """Blocks and damage from the one on that holds the position."""
        while position < told.end:
            self._seek(position, told)
            assert self._file is not None
            stop = told.end
            if self._file.segment.first != told.active:
                stop = min(stop, self._behind(self._file.segment))
            for offset, part in walk(self._file, self._place, stop):
                self._place = Place(part.first, offset)
                if part.next > position:
                    yield offset, part
            position = max(position, stop)

    def _seek(self, position: int, told: Told) -> None:
        """Have the segment open that holds the position, at or before it."""
        if self._file is not None:
            segment = self._file.segment
            if not self._file.replaced() and segment.first <= position < (
                told.end if segment.first == told.active else self._behind(segment)
            ):
                self._file.look()
                if self._place.number > position:
                    self._place = start_of(segment)
                return
            self.close()
        self._file = self._opened(position, told)
        self._place = start_of(self._file.segment)
        self._next = None

    def _opened(self, position: int, told: Told) -> SegmentFile:
        while True:
            before = [s for s in segments_of(self.folder) if s.first <= position]
            if not before:
                raise self._outside(position, told)
            try:
                return SegmentFile(before[-1])
            except FileNotFoundError:
                continue  # it was removed since

    def _behind(self, segment: Segment) -> int:
        """The number where the next segment begins; it never changes."""
        if self._next is None:
            after = (s.first for s in segments_of(self.folder))
            self._next = next((n for n in after if n > segment.first), None)
        return 1 << 64 if self._next is None else self._next

    def _outside(self, position: int, told: Told) -> CollectError:
        oldest = self._oldest(segments_of(self.folder), told)
        return CollectError(
            f"Expected a position from {oldest} to {told.end}. "
            f"Received: position={position}. Records before {oldest} were removed: "
            "take them from the archive."
        )


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

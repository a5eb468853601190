"""Going through a spool in the order of its numbers, from segment to segment.

A segment may be removed or replaced by another process at any time; what is open stays
readable until the next look, which begins anew from the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from zap.collect.spool.blocks import Block
from zap.collect.spool.control import Told
from zap.collect.spool.segments import Segment, SegmentFile, segments_of
from zap.collect.spool.walking import Damage, Place, start_of, walk
from zap.errors import CollectError

ENDLESS = 1 << 64


class Part(NamedTuple):
    """Some records that follow each other.

    Attributes:
        file: the segment that they are in, or should be.
        offset: where.
        what: their block, or their damage.
    """

    file: SegmentFile
    offset: int
    what: Block | Damage


class Cursor:
    """Remembers where it was, so that going on costs no search.

    Args:
        folder: the spool's.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._file: SegmentFile | None = None
        self._place = Place(0, 0)
        self._next: int | None = None

    def parts(self, position: int, told: Told) -> Iterator[Part]:
        """Blocks and damage from the one on that holds a position, to what is synced.

        Raises:
            OSError: the disk fails.
            CollectError: the position is not in the spool.
        """
        if not 0 <= position <= told.end:
            raise self._outside(position, told)
        while position < told.end:
            file = self._at(position, told)
            stop = min(told.end, self._stop(file.segment, told))
            for offset, what in walk(file, self._place, stop):
                self._place = Place(what.first, offset)
                if what.next > position:
                    yield Part(file, offset, what)
            position = stop

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _at(self, position: int, told: Told) -> SegmentFile:
        """The segment with the position, open, and `_place` at or before it."""
        file = self._file
        if file is not None and not file.replaced():
            segment = file.segment
            if segment.first <= position < self._stop(segment, told):
                file.look()
                if self._place.number > position:
                    self._place = start_of(segment)
                return file
        self.close()
        self._file = self._opened(position, told)
        self._place = start_of(self._file.segment)
        self._next = None
        return self._file

    def _opened(self, position: int, told: Told) -> SegmentFile:
        while True:
            before = [s for s in segments_of(self._folder) if s.first <= position]
            if not before:
                raise self._outside(position, told)
            try:
                return SegmentFile(before[-1])
            except FileNotFoundError:
                continue  # it was removed since

    def _stop(self, segment: Segment, told: Told) -> int:
        """The number where the segment ends; where it is the last, that is open."""
        if segment.first == told.active:
            return told.end
        if self._next is None:
            numbers = (each.first for each in segments_of(self._folder))
            self._next = next((n for n in numbers if n > segment.first), None)
        return ENDLESS if self._next is None else self._next

    def _outside(self, position: int, told: Told) -> CollectError:
        oldest = oldest_of(segments_of(self._folder), told)
        return CollectError(
            f"Expected a position from {oldest} to {told.end}. Received: "
            f"position={position}. Records before {oldest} were removed: read those "
            "from the archive."
        )


def oldest_of(segments: Sequence[Segment], told: Told) -> int:
    """The number of the first record that is there; the end where none is."""
    return min(segments[0].first, told.end) if segments else told.end

"""The growing end of a spool: groups of records to segments, and those to the disk.

Whatever goes wrong, a number that was given to a synced record is never given again,
and what was not synced wholly is cut off, or left behind the beginning of the next
segment, where nobody reads. After a failed sync nothing more goes to that file, since
the system may have dropped what it could not write, and would not say so twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from zap.collect.spool.blocks import encode_block
from zap.collect.spool.options import SpoolOptions
from zap.collect.spool.segments import (
    HEADER,
    Segment,
    SegmentFile,
    header,
    path_of,
    segments_of,
)
from zap.collect.spool.walking import Damage, start_of, walk
from zap.datasets.publishing import sync

_ENDLESS = 1 << 64


class Tail:
    """Appends to a spool. For the one process that holds its lock, and one thread.

    Args:
        folder: the spool's.
        options: when to begin a new segment.
        synced: the end that was told last, or more: no number below is given again.

    Attributes:
        end: the number of the next record.
        active: the number of the first record of the open segment, or ``end``.
        torn: whether something was cut off.

    Raises:
        OSError: the disk refuses.
        CollectError: another version of Zap wrote the last segment.
    """

    def __init__(self, folder: Path, options: SpoolOptions, synced: int):
        self._folder = folder
        self._options = options
        self._file = -1
        self._size = 0
        self._begun = 0.0
        self.torn = False
        self.end = self.active = synced
        segments = segments_of(folder)
        if segments:
            self.end, self.torn = recover(segments[-1], synced)
            sync(folder)
        self.active = self.end

    def append(self, records: Sequence[bytes]) -> int:
        """Bring records to the disk.

        Returns:
            How many bytes the spool has grown by.

        Raises:
            OSError: the disk refuses. None of the records is kept.
        """
        block = encode_block(self.end, time.time_ns() // 1_000, records)
        old = self._size
        if self._file >= 0 and self._over(len(block)):
            self.begin_anew()
        fresh = self._file < 0
        if fresh:
            old = 0
            self._open()
            block = header(self.end, time.time_ns() // 1_000) + block
        self._write(block, old)
        self._sync(fresh)
        self._size = old + len(block)
        self.end += len(records)
        return len(block)

    def _over(self, size: int) -> bool:
        """Whether so many bytes more belong to a new segment."""
        return (
            self._size + size > self._options.segment_bytes
            or time.monotonic() - self._begun > self._options.segment_s
            or not os.fstat(self._file).st_nlink  # somebody removed it
        )

    def _open(self) -> None:
        """The segment that begins here; what a failed group left of it goes."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path_of(self._folder, self.end), flags, 0o640)
        self._begun = time.monotonic()
        self.active = self.end

    def _write(self, data: bytes, offset: int) -> None:
        """All of it, or, as far as the disk lets us, none."""
        rest = memoryview(data)
        place = offset
        try:
            while rest:
                written = os.pwrite(self._file, rest, place)
                rest, place = rest[written:], place + written
        except OSError:
            self._cut(offset)
            raise

    def _sync(self, fresh: bool) -> None:
        try:
            os.fdatasync(self._file)
            if fresh:
                sync(self._folder)
        except OSError:
            self._cut(self._size if not fresh else 0)
            self.begin_anew()
            raise

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self.begin_anew()
        if not size:
            self.begin_anew()

    def begin_anew(self) -> None:
        """End the open segment; the next group begins another."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = -1, 0
        self.active = self.end


def recover(segment: Segment, synced: int) -> tuple[int, bool]:
    """Find where the last segment ends, cut off what is torn, sync the rest.

    A block that is not whole and has none behind it was being written when the process
    or the machine stopped. One that has, or that was told as synced, is damaged since:
    its bytes stay for those who can mend them, and readers tell of it.

    Args:
        segment: the last of a spool.
        synced: the end that was told last.

    Returns:
        The number behind the last record, and whether anything was cut off.
    """
    file = SegmentFile(segment)
    try:
        number, offset = _sound_end(file, synced)
        torn = file.size > offset and number >= synced
    finally:
        file.close()
    opened = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if torn:
            os.ftruncate(opened, offset)
        os.fsync(opened)
    finally:
        os.close(opened)
    return max(number, synced), torn


def _sound_end(file: SegmentFile, synced: int) -> tuple[int, int]:
    """The number and the place behind the last sound block."""
    number, offset = file.segment.first, min(file.size, HEADER.size)
    last = None
    for at, part in walk(file, start_of(file.segment), _ENDLESS):
        if isinstance(part, Damage):
            continue
        last = (at, part)
        number, offset = part.next, at + part.size
    if last is not None and last[1].first >= synced:
        at, block = last
        if None in file.records(at, block):
            return block.first, at
    return number, offset

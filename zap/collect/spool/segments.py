"""The files of a spool: each holds the records from the number in its name on.

`zap.collect.spool.walking` goes through their blocks.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from zap.collect.spool.blocks import (
    HEAD,
    MARK,
    Block,
    read_block,
    read_head,
    read_records,
)
from zap.errors import CollectError

MAGIC = b"ZAPSPL1\n"
HEADER = struct.Struct("<8sQQ")  # magic, first number, when it was made
SUFFIX = ".spool"
_DIGITS = 20  # as many as a number of 64 bits has
_CHUNK = 1 << 20


class Segment(NamedTuple):
    """A file of the spool.

    Attributes:
        first: the number of its first record.
        path: where it is.
    """

    first: int
    path: Path


def path_of(folder: Path, first: int) -> Path:
    """Where the segment that begins with that number is."""
    return folder / f"{first:0{_DIGITS}d}{SUFFIX}"


def segments_of(folder: Path) -> list[Segment]:
    """The segments of a spool in the order of their numbers."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    ours = [n for n in names if n.endswith(SUFFIX) and n[:_DIGITS].isdigit()]
    return [
        Segment(int(name[:_DIGITS]), folder / name)
        for name in sorted(ours)
        if len(name) == _DIGITS + len(SUFFIX)
    ]


def bytes_of(segments: list[Segment]) -> int:
    """What segments take on the disk; one that was just removed takes nothing."""
    total = 0
    for segment in segments:
        try:
            total += os.stat(segment.path).st_size
        except FileNotFoundError:
            continue
    return total


def header(first: int, created_us: int) -> bytes:
    """What a segment begins with."""
    return HEADER.pack(MAGIC, first, created_us)


class SegmentFile:
    """A segment that is open for reading.

    Args:
        segment: which.

    Attributes:
        segment: the one that was given.
        created_us: when it was made, in microseconds since 1970.
        size: of the file when it was last looked at (`look`).

    Raises:
        FileNotFoundError: it was removed.
        CollectError: another version of Zap wrote it.
    """

    def __init__(self, segment: Segment):
        self.segment = segment
        self._file = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self.look()
        self.created_us = self._created_us()

    def _created_us(self) -> int:
        start = os.pread(self._file, HEADER.size, 0)
        if start[:6] == MAGIC[:6] and start[:8] != MAGIC[: len(start)]:
            os.close(self._file)
            raise CollectError(
                f"Expected a segment of this version. Received: {self.segment.path}, "
                f"which begins with {start[:8]!r}. Read it with the Zap that wrote it."
            )
        if len(start) < HEADER.size or start[:8] != MAGIC:
            return 0
        return int(HEADER.unpack(start)[2])

    def look(self) -> None:
        """Forget what was read, so that what is there now is read again."""
        self.size = os.fstat(self._file).st_size
        self._chunk, self._chunk_at = b"", 0

    def replaced(self) -> bool:
        """Whether another file, or none, has its name now."""
        try:
            there = os.stat(self.segment.path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._file))

    def take(self, offset: int, size: int) -> bytes:
        """Bytes from ``offset`` on; fewer where the file ends."""
        start = offset - self._chunk_at
        if start < 0 or start + size > len(self._chunk):
            self._chunk = os.pread(self._file, max(size, _CHUNK), offset)
            self._chunk_at, start = offset, 0
        return self._chunk[start : start + size]

    def block_at(self, offset: int) -> Block | None:
        """The block that begins there, or None."""
        head = read_head(self.take(offset, HEAD.size))
        if head is None or offset + head.size > self.size:
            return None
        return read_block(head, self.take(offset, head.size - head.body_bytes))

    def records(self, offset: int, block: Block) -> list[bytes | None]:
        """The records of the block there; None for one that is damaged."""
        return read_records(block, self.body(offset, block))

    def body(self, offset: int, block: Block) -> bytes:
        """The bytes of all records of the block there."""
        return self.take(offset + block.body_at, block.size - block.body_at)

    def sound_from(self, offset: int, least: int) -> int | None:
        """Where the first block is with numbers from ``least`` on, or None."""
        while offset < self.size:
            data = os.pread(self._file, _CHUNK + HEAD.size, offset)
            place = data.find(MARK, 0, _CHUNK)
            while place >= 0:
                at = offset + place
                # Clients may write the mark too, a thousand times in a record; a head
                # behind it that fits the file they can't, as JSON has no such bytes.
                head = read_head(data[place : place + HEAD.size])
                if head is not None and at + head.size <= self.size:
                    block = self.block_at(at)
                    if block is not None and block.first >= least:
                        return at
                place = data.find(MARK, place + 1, _CHUNK)
            offset += _CHUNK - len(MARK) + 1
        return None

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

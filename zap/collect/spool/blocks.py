"""A block: the records that were synced together, as they stand in a segment.

    "ZSB1"  crc32  many  bytes  first  time_us | lengths | crc32s  | records
      4       4     4      4      8       8      4 x many  4 x many    bytes

All numbers are little-endian. The first checksum covers all up to the records, and each
record has its own: where bytes are damaged, it is known which records are lost, and
those beside them are not. A group of records is one block, so that a block which is not
whole, with none behind it, was never acknowledged. Changing this makes spools of other
versions unreadable: take another mark.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

MARK = b"ZSB1"
HEAD = struct.Struct("<4sIIIQQ")
_CHECKED_FROM = 8  # what stands behind the checksum
ENTRY_BYTES = 8
assert array("I").itemsize == 4


class Head(NamedTuple):
    """The first 32 bytes of a block."""

    mark: bytes
    crc: int
    many: int
    body_bytes: int
    first: int
    time_us: int

    @property
    def size(self) -> int:
        """Bytes of the whole block."""
        return HEAD.size + ENTRY_BYTES * self.many + self.body_bytes


class Block(NamedTuple):
    """A block whose head and table are sound.

    Attributes:
        first: the number of its first record.
        time_us: when it was written, in microseconds since 1970.
        lengths, checksums: of each record.
        size: bytes of all of it.
    """

    first: int
    time_us: int
    lengths: array[int]
    checksums: array[int]
    size: int

    @property
    def next(self) -> int:
        """The number behind its last record."""
        return self.first + len(self.lengths)

    @property
    def body_at(self) -> int:
        """Where in the block its records begin."""
        return HEAD.size + ENTRY_BYTES * len(self.lengths)


def size_of(records: Sequence[bytes]) -> int:
    """Bytes that a block of these records takes."""
    return HEAD.size + ENTRY_BYTES * len(records) + sum(map(len, records))


def encode_block(
    first: int,
    time_us: int,
    records: Sequence[bytes],
    checksums: array[int] | None = None,
) -> bytes:
    """The block of some records.

    Args:
        first: the number of the first.
        time_us: now, in microseconds since 1970.
        records: at least one; together below 4 GB.
        checksums: where they are known.
    """
    lengths = array("I", map(len, records))
    sums = array("I", map(crc32, records)) if checksums is None else checksums
    table = _little(lengths + sums).tobytes()
    head = HEAD.pack(MARK, 0, len(records), sum(lengths), first, time_us)
    checked = head[_CHECKED_FROM:] + table
    crc = crc32(checked).to_bytes(4, "little")
    return b"".join((MARK, crc, checked, *records))  # the records are copied once


def read_head(data: bytes | memoryview) -> Head | None:
    """The head that these bytes begin with; None where they are none, or too few."""
    if len(data) < HEAD.size or data[: len(MARK)] != MARK:
        return None
    head = Head._make(HEAD.unpack(data[: HEAD.size]))
    return head if head.many else None


def read_block(head: Head, data: bytes) -> Block | None:
    """The block with that head; None where its table is damaged.

    Args:
        head: as ``read_head`` gave it.
        data: the block's bytes, at least up to its records.
    """
    behind = HEAD.size + ENTRY_BYTES * head.many
    if len(data) < behind or crc32(memoryview(data)[_CHECKED_FROM:behind]) != head.crc:
        return None
    table = _little(array("I", data[HEAD.size : behind]))
    lengths, checksums = table[: head.many], table[head.many :]
    if sum(lengths) != head.body_bytes:
        return None
    return Block(head.first, head.time_us, lengths, checksums, head.size)


def split(block: Block, body: bytes) -> list[bytes]:
    """The records of a block, sound or not."""
    records = []
    place = 0
    for length in block.lengths:
        records.append(body[place : place + length])
        place += length
    return records


def read_records(block: Block, body: bytes) -> list[bytes | None]:
    """The records of a block; None in the place of one that is damaged."""
    records = split(block, body)
    if array("I", map(crc32, records)) == block.checksums:
        return [*records]
    return [
        record if crc32(record) == checksum else None
        for record, checksum in zip(records, block.checksums, strict=True)
    ]


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers

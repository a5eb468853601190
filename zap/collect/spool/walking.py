"""From block to block of a segment, and over what is damaged.

A segment ends where the next one begins, whatever bytes stand behind: these are of a
group that failed, and whose numbers were given to others. What is not a sound block
before that is damage; `walk` tells of it, and goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zap.collect.spool.blocks import Block
from zap.collect.spool.segments import HEADER, Segment, SegmentFile


class Damage(NamedTuple):
    """Records that can't be read: those from ``first`` up to ``next``."""

    first: int
    next: int


class Place(NamedTuple):
    """Where in a segment the record with a number is, or should be."""

    number: int
    offset: int


def start_of(segment: Segment) -> Place:
    """Where its first block is."""
    return Place(segment.first, HEADER.size)


def walk(
    file: SegmentFile, start: Place, stop: int
) -> Iterator[tuple[int, Block | Damage]]:
    """The blocks of a segment in their order, and what is damaged between them.

    Args:
        file: the segment.
        start: the beginning of a block, or of damage.
        stop: the number where the next segment begins, or where what is synced ends.

    Yields:
        Where it begins, and the block or the damage. Records of a block are not read.
    """
    number, offset = start
    while number < stop:
        block = file.block_at(offset)
        if block is None or block.first != number:
            found = file.sound_from(offset, number)
            block = None if found is None else file.block_at(found)
            next_ = stop if block is None else min(stop, block.first)
            if next_ > number:
                yield offset, Damage(number, next_)
            if found is None or block is None or block.first >= stop:
                return
            offset = found
        yield offset, block
        number, offset = block.next, offset + block.size

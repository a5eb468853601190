"""What a reader is told in the place of records that are damaged.

A bad row with the reason ``spool.damaged`` stands for the first of them, and goes the
way of all bad rows; the others are empty. So the loss is seen, and no sink stops at it.
The bytes stay in the segment until it is removed.
"""

from __future__ import annotations

from collections.abc import Sequence

from zap.collect.event import BadRow
from zap.collect.record import FORGOTTEN, encode_bad
from zap.collect.spool.blocks import Block
from zap.collect.spool.segments import SegmentFile
from zap.collect.spool.walking import Damage

REASON = "spool.damaged"


def lost(
    file: SegmentFile, damage: Damage, offset: int, position: int, most: int
) -> list[bytes]:
    """What stands for records whose block can't be read.

    Args:
        file: their segment.
        damage: their numbers.
        offset: where they should be.
        position: the first that is wanted.
        most: how many are wanted.
    """
    start = max(position, damage.first)
    records = [FORGOTTEN] * min(most, damage.next - start)
    if start == damage.first:
        records[0] = _row(file, damage.first, damage.next, offset, file.created_us)
    return records


def filled(file: SegmentFile, offset: int, block: Block) -> list[bytes]:
    """The records of a block, with what stands for those that are damaged."""
    found = file.records(offset, block)
    if None not in found:
        return found  # type: ignore[return-value]
    records: list[bytes] = []
    for number, record in enumerate(found):
        if record is not None:
            records.append(record)
        elif number and found[number - 1] is None:
            records.append(FORGOTTEN)
        else:
            first = block.first + number
            next_ = first + _run(found[number:])
            records.append(_row(file, first, next_, offset, block.time_us))
    return records


def _run(found: Sequence[bytes | None]) -> int:
    """How many of the first are damaged."""
    return next((n for n, record in enumerate(found) if record is not None), len(found))


def _row(file: SegmentFile, first: int, next_: int, offset: int, time_us: int) -> bytes:
    detail = (
        f"Expected the records {first} to {next_ - 1}. Received: damaged bytes in "
        f"{file.segment.path.name}, in the block at {offset}."
    )
    return encode_bad(BadRow(REASON, detail, None), "", time_us)

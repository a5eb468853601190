"""Entries of sparse vectors as flat triples, and how blocks of them are joined.

Each feature fills a block of the vector's places and knows nothing of the others; a
block may hold several entries a row, or none. Joining moves whole arrays, never rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import (
    BoolArray,
    Float32Array,
    FloatArray,
    Int32Array,
    IntArray,
    SparseRows,
)


@dataclass(frozen=True)
class Entries:
    """The entries of one block.

    Attributes:
        rows: int64, shape (entries,): ascending.
        places: int64, shape (entries,): places within the block, ascending and unique
            within a row.
        values: float32, shape (entries,), in (0, 1]; None where all are 1.
    """

    rows: IntArray
    places: IntArray
    values: Float32Array | None = None

    def __len__(self) -> int:
        return len(self.rows)


NO_ENTRIES = Entries(np.zeros(0, np.int64), np.zeros(0, np.int64))


def where_valid(valid: BoolArray, places: IntArray) -> Entries:
    """One entry of value 1 in each valid row.

    Args:
        valid: shape (rows,).
        places: shape (valid rows,).
    """
    return Entries(np.flatnonzero(valid), places)


def without_zeros(rows: IntArray, places: IntArray, values: FloatArray) -> Entries:
    """The entries whose value is not 0 as float32: a sparse vector holds no zeros."""
    single = values.astype(np.float32)
    kept = single > 0
    return Entries(rows[kept], places[kept], single[kept])


def united(slots: Sequence[Int32Array], size: int) -> Entries:
    """The places that some features share: of each row's, every one once.

    Args:
        slots: int32, each of shape (rows,): a place in every row, ``size`` for none.
        size: number of places.
    """
    found = [_united(part, size) for part in _blocks(slots)]
    rows = [entries.rows + BLOCK * at for at, entries in enumerate(found)]
    if not rows:
        return NO_ENTRIES
    return Entries(np.concatenate(rows), np.concatenate([e.places for e in found]))


def united_sources(
    slots: Sequence[Int32Array], bits: Sequence[int], size: int
) -> IntArray:
    """Which of the slots made each entry of ``united(slots, size)``.

    Args:
        slots: as there.
        bits: the number that stands for each slot: a power of 2.
        size: number of places.

    Returns:
        int64, shape (entries,): the bits of all slots that have the entry.
    """
    exponents = [bit.bit_length() - 1 for bit in bits]
    found = [_united_bits(part, exponents, size) for part in _blocks(slots)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


BLOCK = 65_536  # rows that are sorted at once: their slots stay in the cache


def _blocks(slots: Sequence[Int32Array]) -> Iterator[list[Int32Array]]:
    rows = len(slots[0]) if slots else 0
    for first in range(0, rows, BLOCK):
        yield [slot[first : first + BLOCK] for slot in slots]


def _united(slots: list[Int32Array], size: int) -> Entries:
    ordered = _sorted(slots)
    keep = ordered < size
    keep[1:] &= ordered[1:] != ordered[:-1]
    flat = np.ascontiguousarray(keep.T)
    rows = np.repeat(np.arange(flat.shape[0]), flat.sum(axis=1))
    return Entries(rows, np.ascontiguousarray(ordered.T)[flat].astype(np.int64))


def _united_bits(
    slots: list[Int32Array], exponents: Sequence[int], size: int
) -> IntArray:
    """Places and what made them are sorted as one number, place first."""
    pairs = [
        slot.astype(np.int64) << 6 | e for slot, e in zip(slots, exponents, strict=True)
    ]
    flat = np.ascontiguousarray(_sorted(pairs).T)
    places = flat >> 6
    there = places < size
    fresh = there.copy()
    fresh[:, 1:] &= places[:, 1:] != places[:, :-1]
    first = np.flatnonzero(fresh[there])
    if not len(first):
        return np.zeros(0, np.int64)
    made = np.left_shift(np.int64(1), flat[there] & 63)
    return np.asarray(np.bitwise_or.reduceat(made, first))


def _sorted(slots: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The slots of each row in ascending order; shape (slots, rows).

    Few slots are sorted by exchanges between whole columns, which beats sorting each
    short row by itself.
    """
    ordered = np.array(slots)
    if len(ordered) > MOST_EXCHANGED:
        ordered.sort(axis=0)
        return ordered
    for last in range(len(ordered) - 1, 0, -1):
        for at in range(last):
            low = np.minimum(ordered[at], ordered[at + 1])
            np.maximum(ordered[at], ordered[at + 1], out=ordered[at + 1])
            ordered[at] = low
    return ordered


MOST_EXCHANGED = 10


def stacked(
    blocks: Sequence[Entries],
    starts: Sequence[int],
    rows: int,
    sources: Sequence[IntArray] | None = None,
) -> SparseRows:
    """Blocks side by side as sparse rows.

    Args:
        blocks: one a feature.
        starts: the first place of each block in the vector, ascending.
        rows: number of rows.
        sources: what made each entry of each block, if that is wanted.

    Returns:
        Sparse rows whose indices ascend, since the blocks do.
    """
    counts = [np.bincount(block.rows, minlength=rows) for block in blocks]
    offsets = np.zeros(rows + 1, np.int64)
    for count in counts:
        offsets[1:] += count
    np.cumsum(offsets, out=offsets)
    indices = np.empty(int(offsets[-1]), np.int32)
    values = np.ones(int(offsets[-1]), np.float32)
    made_by = None if sources is None else np.empty(int(offsets[-1]), np.int64)
    free = offsets[:-1].copy()
    for at, (block, count, start) in enumerate(
        zip(blocks, counts, starts, strict=True)
    ):
        spots = _spots(block, count, free)
        indices[spots] = block.places + start
        if block.values is not None:
            values[spots] = block.values
        if made_by is not None and sources is not None:
            made_by[spots] = sources[at]
        free += count
    return SparseRows(offsets, indices, values, made_by)


def _spots(block: Entries, count: IntArray, free: IntArray) -> IntArray:
    """Where each entry of the block goes: its row's first free spot and onwards."""
    if count.max(initial=0) <= 1:
        return free[block.rows]
    first = np.cumsum(count) - count
    return np.arange(len(block)) + (free - first)[block.rows]

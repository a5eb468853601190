"""Entries of sparse vectors as flat triples, and how blocks of them are joined.

Each feature fills a block of the vector's places and knows nothing of the others; a
block may hold several entries a row, or none. Joining moves whole arrays, never rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zap.encoding.columns import (
    BoolArray,
    Float32Array,
    FloatArray,
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


def united(blocks: Sequence[Entries], size: int) -> Entries:
    """Blocks that share their places: entries of all, each place once in a row.

    Args:
        blocks: blocks whose values are all 1.
        size: number of places.
    """
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return NO_ENTRIES
    keys = np.unique(np.concatenate([b.rows * size + b.places for b in blocks]))
    rows = keys // size
    return Entries(rows, keys - rows * size)


def united_sources(
    blocks: Sequence[Entries], bits: Sequence[int], size: int
) -> IntArray:
    """Which of the blocks made each entry of ``united(blocks, size)``.

    Args:
        blocks: blocks that share their places.
        bits: the number that stands for each block.
        size: number of places.

    Returns:
        int64, shape (entries,): the bits of all blocks that have the entry.
    """
    if not blocks:
        return np.zeros(0, np.int64)
    keys = np.concatenate([block.rows * size + block.places for block in blocks])
    _, entry = np.unique(keys, return_inverse=True)
    own = np.repeat(np.array(bits, np.int64), [len(block) for block in blocks])
    found = np.zeros(int(entry.max(initial=-1)) + 1, np.int64)
    np.bitwise_or.at(found, entry, own)
    return found


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
    first = np.cumsum(count) - count
    return np.arange(len(block)) + (free - first)[block.rows]

"""Minima, maxima and distinct values over many ranges of a column at once.

No loop runs over ranges: a minimum takes two look-ups in a table of blocks whose length
is a power of 2, a number of distinct values one step a bit. Tables are made a level at
a time and forgotten, so that memory stays a few times the columns': O(n log m + q) for
extremes and O((n + q) log m) for distinct values, m being the longest range or subject.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import FloatArray, IntArray


def min_in(values: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    """The smallest of ``values`` in each start..stop; infinity where that is empty.

    Args:
        values: float64, shape (n,); no NaN.
        start: int64, shape (ranges,).
        stop: int64, shape (ranges,): at least ``start``.
    """
    found = np.full(len(start), np.inf)
    level = np.frexp((stop - start).astype(np.float64))[1] - 1  # -1 where empty
    order = np.argsort(level.astype(np.int8), kind="stable")  # few bits: counted
    top = int(level.max(initial=-1))
    bounds = np.searchsorted(level[order], np.arange(top + 2))
    table = values
    for k in range(top + 1):
        mine = order[bounds[k] : bounds[k + 1]]
        block = 1 << k
        left, right = table[start[mine]], table[stop[mine] - block]
        found[mine] = np.minimum(left, right)
        if k < top:
            table = np.minimum(table[:-block], table[block:])
    return found


def max_in(values: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    """The largest of ``values`` in each start..stop; -infinity where that is empty."""
    return -min_in(-values, start, stop)


def distinct_in(
    codes: IntArray, first: IntArray, start: IntArray, stop: IntArray
) -> IntArray:
    """How many distinct codes each start..stop holds, none of which leaves its group.

    A code is counted where it comes for the first time in a range: where the one before
    it in its group, if any, lies before the range.

    Args:
        codes: int64, shape (n,): not below 0.
        first: int64, shape (n,): index of the first entry of each entry's group;
            groups lie one after the other.
        start: int64, shape (ranges,).
        stop: int64, shape (ranges,): at least ``start``.
    """
    if not len(codes):
        return np.zeros(len(start), np.int64)
    before = _previous(codes, first) - first + 1  # 0 where there is none
    bound = start - first[np.minimum(start, len(codes) - 1)] + 1
    bits = int((np.arange(len(codes)) - first).max() + 1).bit_length()
    bound = np.where(stop > start, bound, 0)
    return _count_below(np.maximum(before, 0), bits, bound, start, stop)


def _previous(codes: IntArray, first: IntArray) -> IntArray:
    """Index of the entry before with the same code in the same group, or -1."""
    key = first * (int(codes.max()) + 1) + codes
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    again = np.concatenate(([False], ordered[1:] == ordered[:-1]))
    previous = np.full(len(codes), -1, np.int64)
    previous[order[again]] = order[np.flatnonzero(again) - 1]
    return previous


def _count_below(
    before: IntArray, bits: int, limits: IntArray, start: IntArray, stop: IntArray
) -> IntArray:
    """How many entries of each start..stop are below a bound of its own.

    The levels of a wavelet matrix, highest bit first: entries without the bit move to
    the front, in order, so that each range stays a range on either side. Where the
    bound has the bit, those without it are below; the search goes on with the rest.

    Args:
        before: int64, shape (n,): from 0 to 2**bits - 1.
        bits: number of bits.
        limits: int64, shape (ranges,): likewise.
        start: int64, shape (ranges,).
        stop: int64, shape (ranges,).
    """
    assert len(before) < 1 << 29, "more than 32 bits can count"
    rows = len(before) + 1
    ends = np.array([start, stop], np.int32)
    values, bound = before.astype(np.int32), limits.astype(np.int32)
    count = np.zeros(len(start), np.int32)
    moved = np.zeros(2 * rows, np.int32)  # where a place goes: without the bit, with it
    for bit in reversed(range(bits)):
        clear = (values >> bit & 1) == 0
        np.cumsum(clear, out=moved[1:rows])
        moved[rows:] = np.arange(rows) - moved[:rows] + moved[rows - 1]
        above = bound >> bit & 1
        length = ends[1] - ends[0]
        ends = moved[ends + above * rows]
        count += (length - (ends[1] - ends[0])) * above
        values = np.concatenate((values[clear], values[~clear]))
    return count.astype(np.int64)

"""Counts, sums and last values over windows of flat histories.

Every window is a half-open range of event indices, so that a count or a sum is the
difference of two entries of a prefix sum, and the edge of a time window is one
``searchsorted`` for all subjects at once: O(events + cutoffs log events).
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import BoolArray, FlatHistories, FloatArray, IntArray

LARGEST_SUMMAND = 9e9  # whose millionths a float tells exactly
LARGEST_SUMMED = 9e19  # of an expression's sum: 100,000 of its millions fit 64 bits
LARGEST_NUMBER = 1e100  # of a minimum and a maximum, so that differences stay finite
LARGEST_KEY = 2.0**62
_MILLION = 10**12  # in millionths
_LARGEST_IN_64_BITS = 8e12  # in millionths, with room for what a million events leave


class TimeIndex:
    """Finds the first event of a subject at or after a time, for many at once.

    The key, a subject's base plus the time since its first event, is monotone over the
    flat columns, since events are sorted by subject and then by time; clipping the
    asked time to the subject's span keeps each answer within its subject. Bases are
    sums of the subjects' own spans: subjects times the span of all overflows 64 bits
    at 73,000 subjects in two years, or at 2,600 with one timestamp of 1970.

    Args:
        histories: the events to search.
    """

    def __init__(self, histories: FlatHistories):
        self._times, self._offsets = histories.time_us, histories.offsets
        first, stop = self._offsets[:-1], self._offsets[1:]
        filled = stop > first
        self._first = np.zeros(len(first), np.int64)
        self._first[filled] = self._times[first[filled]]
        self._span = np.ones(len(first), np.int64)
        self._span[filled] += self._times[stop[filled] - 1] - self._first[filled] + 1
        self._base = np.concatenate(([0], np.cumsum(self._span)))[:-1]
        self._key: IntArray | None = None
        if self._span.sum(dtype=np.float64) < LARGEST_KEY:
            shift = self._base - self._first
            self._key = self._times + np.repeat(shift, stop - first)

    def first_at_or_after(self, subject: IntArray, time_us: IntArray) -> IntArray:
        """Index of the first event of ``subject`` with a timestamp >= ``time_us``.

        Args:
            subject: int64, shape (n,): rows of subjects.
            time_us: int64, shape (n,): microseconds.

        Returns:
            int64, shape (n,): event indices; the subject's end where there is none.
        """
        if self._key is None:
            return self._by_halving(subject, time_us)
        since = time_us - self._first[subject]
        inside = np.clip(since, 0, self._span[subject] - 1)
        asked: IntArray = self._base[subject] + inside
        return np.searchsorted(self._key, asked, "left")

    def _by_halving(self, subject: IntArray, time_us: IntArray) -> IntArray:
        """The same without a key, where none fits: all ranges are halved together."""
        low, high = self._offsets[subject], self._offsets[subject + 1]
        longest = int((high - low).max()) if len(low) else 0
        for _ in range(longest.bit_length()):
            middle = (low + high) // 2
            # A finished search may stand at the very end; its range stays empty.
            reached = self._times[np.minimum(middle, len(self._times) - 1)] >= time_us
            searching = low < high
            high = np.where(reached & searching, middle, high)
            low = np.where(~reached & searching, middle + 1, low)
        return low


def count_in(mask: BoolArray, start: IntArray, stop: IntArray) -> IntArray:
    """Number of true entries of ``mask`` in each start..stop (empty if reversed)."""
    prefix = np.concatenate(([0], np.cumsum(mask, dtype=np.int64)))
    return np.where(stop > start, prefix[stop] - prefix[np.minimum(start, stop)], 0)


def sum_in(values: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    """Sum of ``values`` in each start..stop; NaN counts as nothing.

    Sums are kept in whole millions and whole millionths. A running sum of floats would
    carry rounding from one subject to the next, so that an example would depend on what
    else is in its batch; integers are exact, and a prefix that wraps around still has
    exact differences. Millionths alone would leave no room for bytes and nanoseconds.
    The price: a resolution of 1e-6, and single values are clipped to
    +-``LARGEST_SUMMED``.
    """
    whole = millionths(values)
    largest = max(whole.max(initial=0), -whole.min(initial=0)) / 1e6
    if largest < min(LARGEST_SUMMAND, _LARGEST_IN_64_BITS / max(1, len(whole))):
        return total_in(whole, start, stop) / 1e6  # the same, sooner
    millions, rest = (total_in(part, start, stop) for part in _millions(values))
    fits = np.abs(millions) < _LARGEST_IN_64_BITS / 1e6
    whole = np.where(fits, millions, 0) * _MILLION + rest
    return np.where(fits, whole / 1e6, millions * 1e6 + rest / 1e6)


def _millions(values: FloatArray) -> tuple[IntArray, IntArray]:
    """Values as whole millions, and what is left of them in whole millionths."""
    millions, rest = np.divmod(millionths(values), _MILLION)
    large = np.flatnonzero(np.abs(values) > LARGEST_SUMMAND)
    clipped = np.clip(values[large], -LARGEST_SUMMED, LARGEST_SUMMED)
    quotients, remainders = np.divmod(clipped, 1e6)
    millions[large] = quotients
    rest[large] = np.rint(remainders * 1e6)
    return millions, rest


def millionths(values: FloatArray) -> IntArray:
    """The values in whole millionths, clipped to +-``LARGEST_SUMMAND``; 0 for NaN."""
    clean = np.clip(np.nan_to_num(values), -LARGEST_SUMMAND, LARGEST_SUMMAND)
    return np.rint(clean * 1e6).astype(np.int64)


def total_in(whole: IntArray, start: IntArray, stop: IntArray) -> IntArray:
    """Exact sum of whole numbers in each start..stop (0 if reversed), modulo 2**64."""
    prefix = np.concatenate(([0], np.cumsum(whole)))
    return np.where(stop > start, prefix[stop] - prefix[np.minimum(start, stop)], 0)


def last_in(mask: BoolArray, start: IntArray, stop: IntArray) -> IntArray:
    """Index of the last true entry of ``mask`` in each start..stop, or -1."""
    if not len(mask):
        return np.full(len(start), -1, np.int64)
    latest = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    found = np.where(stop > 0, latest[np.maximum(stop - 1, 0)], -1)
    return np.where((found >= start) & (stop > start), found, -1)

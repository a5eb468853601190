"""Measures of events over ranges of a batch, for all cutoffs at once.

All numbers are exact functions of the range's own events: sums are kept in whole
millionths and gaps in microseconds, so that no number depends on the rest of a batch.
Day buckets make the same numbers of their partial sums, by the same arithmetic.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from zap.encoding.columns import (
    BoolArray,
    Categorical,
    Column,
    FlatHistories,
    FloatArray,
    IntArray,
)
from zap.encoding.measures import (
    COUNT,
    DISTINCT,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MOST_DISTINCT,
    SUM,
    Gap,
    Measured,
    Summary,
)
from zap.encoding.ranges import distinct_in, max_in, min_in
from zap.encoding.values import column_named, numbers_of
from zap.encoding.windows import LARGEST_NUMBER, count_in, millionths, total_in


class Measurer:
    """Measures some of the events, those of ``mask``, in ranges of all.

    Only these events are looked at, so that many types cost little more than one.

    Args:
        histories: the events.
        mask: shape (events,): those to measure.
        start: int64, shape (ranges,): event indices. A range lies within a subject.
        stop: int64, shape (ranges,): at least ``start``.
    """

    def __init__(
        self, histories: FlatHistories, mask: BoolArray, start: IntArray, stop: IntArray
    ):
        self._histories = histories
        before = np.concatenate(([0], np.cumsum(mask)))
        self._rows = np.flatnonzero(mask)
        self._first = before[histories.offsets[:-1]]
        self._start, self._stop = before[start], before[stop]
        self._known: dict[str, tuple[IntArray, FloatArray]] = {}

    def of(self, measured: Measured) -> FloatArray:
        """The numbers of one measure; float64, shape (ranges,), NaN for no number.

        Raises:
            EncodingError: a field is missing, or holds text where numbers are needed.
        """
        if isinstance(measured, Gap):
            return self._gaps_as(measured.statistic)
        if isinstance(measured, Summary):
            if measured.kind == DISTINCT:
                return self._distinct(measured.field)
            return self._values_as(measured.kind, measured.field)
        if measured == COUNT:
            return (self._stop - self._start).astype(np.float64)
        return self._values_as(SUM, measured)

    def _values_as(self, statistic: str, field: str) -> FloatArray:
        whole, values = self._numbers(field)
        if statistic == SUM:
            return total_in(whole, self._start, self._stop) / 1e6
        return self._statistic(statistic, whole, values)

    def _numbers(self, field: str) -> tuple[IntArray, FloatArray]:
        """The values in whole millionths, and as they are, NaN where missing."""
        if field not in self._known:
            values = numbers_of(self._column(field), field)
            # 0.0 is added so that -0.0 is 0.0, whichever of the two comes first.
            within = np.clip(values, -LARGEST_NUMBER, LARGEST_NUMBER) + 0.0
            self._known[field] = millionths(values), within
        return self._known[field]

    def _gaps_as(self, statistic: str) -> FloatArray:
        gaps, known = self._gaps
        whole = np.where(known, gaps, 0)
        return self._statistic(statistic, whole, np.where(known, gaps / 1e6, np.nan))

    def _statistic(
        self, statistic: str, whole: IntArray, values: FloatArray
    ) -> FloatArray:
        """A statistic of values, NaN where a range has none.

        Args:
            statistic: sum, mean, minimum or maximum.
            whole: the values in whole millionths, 0 where missing.
            values: the values, NaN where missing.
        """
        start, stop, valid = self._start, self._stop, ~np.isnan(values)
        if statistic == MINIMUM:
            found = min_in(np.where(valid, values, np.inf), start, stop)
        elif statistic == MAXIMUM:
            found = max_in(np.where(valid, values, -np.inf), start, stop)
        else:
            count = count_in(valid, start, stop)
            found = total_in(whole, start, stop) / 1e6
            if statistic == MEAN:
                found = found / np.maximum(count, 1)
            found = np.where(count > 0, found, np.nan)
        return np.where(np.isfinite(found), found, np.nan)

    def _distinct(self, field: str) -> FloatArray:
        column = self._column(field)
        known = column.valid
        before = np.concatenate(([0], np.cumsum(known)))
        first = np.repeat(before[self._first], self._counts)[known]
        found = distinct_in(
            _codes(column)[known], first, before[self._start], before[self._stop]
        )
        return np.minimum(found, MOST_DISTINCT).astype(np.float64)

    @cached_property
    def _counts(self) -> IntArray:
        """How many of the events each subject has."""
        return np.diff(np.append(self._first, len(self._rows)))

    @cached_property
    def _gaps(self) -> tuple[IntArray, BoolArray]:
        """Microseconds since the event before, and whether the subject has one."""
        times = self._histories.time_us[self._rows]
        known = np.ones(len(times), np.bool_)
        known[self._first[self._first < len(times)]] = False
        return np.diff(times, prepend=times[:1]), known

    def _column(self, field: str) -> Column:
        return column_named(self._histories, field).take(self._rows)


def _codes(column: Column) -> IntArray:
    """A number for each distinct value; anything where there is none."""
    if isinstance(column, Categorical):
        return column.codes.astype(np.int64)
    return np.unique(column.values, return_inverse=True)[1].astype(np.int64)

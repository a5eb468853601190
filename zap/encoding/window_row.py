"""Aggregates of one subject at one cutoff, in plain Python, for a server.

As a batch of one subject a few windows take some three hundred calls into numpy, ten
times as long as a model of the sequence. Here a window is a slice of a list of events.
The numbers are the same: sums are whole, the rest are IEEE doubles, compared and
divided alike. ``zap.encoding.measuring`` stays the definition, and tests hold this
against it to the byte.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from operator import attrgetter, itemgetter, sub
from typing import Any, TypeAlias

import numpy as np

from zap.encoding.aggregates import DAY_US, LEAST_PRESENT, Aggregates, Scaling
from zap.encoding.columns import SparseRows
from zap.encoding.event_rows import Row
from zap.encoding.kinds import TRUTH
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
from zap.encoding.windows import LARGEST_NUMBER, LARGEST_SUMMAND

_HALF = 1 << 63
_VALUES = attrgetter("values")


class Group:
    """Some events of a subject, in order, and what has been read of them so far.

    Args:
        rows: theirs.
        times: their timestamps, in microseconds.
    """

    def __init__(self, rows: Sequence[Row], times: Sequence[int]):
        self.rows, self.times = rows, times
        self._read: dict[tuple[Any, int], list[Any]] = {}
        self._gaps: list[int] | None = None

    def values(self, place: int, made: Callable[[Any], Any] | None = None) -> list[Any]:
        """The values of a field, or what is made of each; None where there is none."""
        found = self._read.get((made, place))
        if found is None:
            found = list(map(itemgetter(place), map(_VALUES, self.rows)))
            if made is not None:
                found = [None if value is None else made(value) for value in found]
            self._read[made, place] = found
        return found

    @property
    def gaps(self) -> list[int]:
        """Microseconds from each event to the next."""
        if self._gaps is None:  # a cached_property has a lock, which costs more
            self._gaps = list(map(sub, self.times[1:], self.times))
        return self._gaps

    def by_type(self, place: int) -> dict[str, Group]:
        """The events of each type."""
        parts: dict[str, tuple[list[Row], list[int]]] = {}
        for row, time_us in zip(self.rows, self.times, strict=True):
            rows, times = parts.setdefault(row.values[place], ([], []))
            rows.append(row)
            times.append(time_us)
        return {kind: Group(rows, times) for kind, (rows, times) in parts.items()}


Number: TypeAlias = Callable[[Group, int, int], float]  # of the events start..stop
_NOBODY = Group((), ())


@dataclass(frozen=True)
class _Plan:
    """What is measured: windows times numbers.

    Attributes:
        aggregates: theirs.
        spans_us: lengths of the windows, in microseconds.
        numbers: the function of each measure.
    """

    aggregates: Aggregates
    spans_us: Sequence[int]
    numbers: Sequence[Number]


class WindowRow:
    """Makes the entries of aggregates of single instances, for one encoder.

    Args:
        aggregates: fitted, at least one.
        fields: the fields that the instance reads.
        start: the first place of the aggregates in the vector.
    """

    def __init__(
        self, aggregates: Sequence[Aggregates], fields: Sequence[str], start: int
    ):
        self._type = fields.index("type")
        self._plans = [
            _Plan(
                each,
                [round(days * DAY_US) for days in each.days],
                [_number(of, fields) for of in each.of],
            )
            for each in aggregates
        ]
        self._by_type = any(each.by for each in aggregates)
        scaling = Scaling.joined([each.scaling for each in aggregates])
        self._log_size = scaling.log_size
        self._signed = scaling.signed.tolist()
        self._optional = scaling.optional.tolist()
        size = sum(each.size for each in aggregates)
        self._places = np.arange(start, start + size, dtype=np.int32)

    def after(
        self,
        metadata: SparseRows,
        rows: Sequence[Row],
        times: Sequence[int],
        moment_us: int,
    ) -> SparseRows:
        """The row of metadata with the entries of the windows after its own.

        Args:
            metadata: one row, without windows.
            rows: all kept events of the past, in order.
            times: their timestamps, in microseconds.
            moment_us: the instant.
        """
        numbers = self._numbers(Group(rows, times), moment_us)
        values = np.array(self._values(numbers), np.float32)
        there = values > 0
        indices = np.concatenate((metadata.indices, self._places[there]))
        weights = np.concatenate((metadata.values, values[there]))
        return SparseRows(np.array([0, len(indices)]), indices, weights)

    def _values(self, numbers: list[float]) -> list[float]:
        """``Scaling.values``, with a few calls into numpy alone: for its logarithm."""
        logs = np.log1p(np.abs(np.array(numbers, np.float64))) / self._log_size
        within = np.minimum(logs, 1.0).tolist()
        return list(map(_value, numbers, within, self._signed, self._optional))

    def _numbers(self, every: Group, moment_us: int) -> list[float]:
        """The numbers of all measures, and of all types of each."""
        kinds = every.by_type(self._type) if self._by_type else {}
        numbers: list[float] = []
        for plan in self._plans:
            if not plan.aggregates.by:
                numbers += _measured(plan, every, moment_us)
                continue
            types = plan.aggregates.types or ()
            groups = [kinds.get(kind, _NOBODY) for kind in types]
            found = [_measured(plan, group, moment_us) for group in groups]
            for of_types in zip(*found, strict=True):
                numbers += of_types
        return numbers


def _value(number: float, log: float, signed: bool, optional: bool) -> float:
    """One of ``Scaling.values``."""
    if number != number:
        return 0.0
    if signed:
        value = 0.5 + 0.5 * log if number > 0 else 0.5 - 0.5 * log
    else:
        value = log if number > 0 else 0.0
    return LEAST_PRESENT + (1 - LEAST_PRESENT) * value if optional else value


def _measured(plan: _Plan, group: Group, moment_us: int) -> list[float]:
    """The numbers of a group's events, in the order of the measures."""
    aggregates, times, found = plan.aggregates, group.times, list[float]()
    stop, until = len(times), moment_us
    if aggregates.whole_days:  # up to the end of the day
        until += DAY_US - moment_us % DAY_US
    begun, same = -1, list[float]()
    for span in plan.spans_us:
        since = until - span
        start = bisect_left(times, since)
        if not aggregates.change:
            if start != begun:  # a longer window often holds no more events
                begun, same = start, [of(group, start, stop) for of in plan.numbers]
            found += same
            continue
        before = bisect_left(times, since - span)
        for of in plan.numbers:
            now = of(group, start, stop)
            found += (now, now - of(group, before, start))
    return found


def _number(of: Measured, fields: Sequence[str]) -> Number:
    """The function that measures."""
    if of == COUNT:
        return lambda group, start, stop: float(stop - start)
    if isinstance(of, Gap):
        return {SUM: _gap_sum, MEAN: _gap_mean, MINIMUM: _least_gap}.get(
            of.statistic, _largest_gap
        )
    if not isinstance(of, Summary):
        return partial(_sum, fields.index(of))
    by_kind = {
        DISTINCT: _distinct, MEAN: _mean, MINIMUM: _minimum, MAXIMUM: _maximum
    }  # fmt: skip
    return partial(by_kind[of.kind], fields.index(of.field))


def _number_of(value: Any) -> float:
    return value if type(value) is float else TRUTH[value]


def _within(value: Any) -> float:
    return min(max(_number_of(value), -LARGEST_NUMBER), LARGEST_NUMBER)


def _millionths(value: Any) -> int:
    clipped = min(max(_number_of(value), -LARGEST_SUMMAND), LARGEST_SUMMAND)
    return round(clipped * 1e6)


def _millions(whole: int) -> float:
    """A sum of millionths; beyond 64 bits it is as one that wraps around."""
    if -_HALF <= whole < _HALF:
        return whole / 1e6
    return ((whole + _HALF) % (2 * _HALF) - _HALF) / 1e6


def _present(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _sum(place: int, group: Group, start: int, stop: int) -> float:
    return _millions(sum(_present(group.values(place, _millionths)[start:stop])))


def _mean(place: int, group: Group, start: int, stop: int) -> float:
    found = _present(group.values(place, _millionths)[start:stop])
    return _millions(sum(found)) / len(found) if found else nan


def _minimum(place: int, group: Group, start: int, stop: int) -> float:
    return min(_present(group.values(place, _within)[start:stop]), default=nan)


def _maximum(place: int, group: Group, start: int, stop: int) -> float:
    return max(_present(group.values(place, _within)[start:stop]), default=nan)


def _distinct(place: int, group: Group, start: int, stop: int) -> float:
    found = set(group.values(place)[start:stop])
    found.discard(None)
    return float(min(len(found), MOST_DISTINCT))


def _gap_sum(group: Group, start: int, stop: int) -> float:
    """Gaps follow one another, so their sum is that from the first to the last time."""
    start = max(start, 1)
    return (
        _millions(group.times[stop - 1] - group.times[start - 1])
        if start < stop
        else nan
    )


def _gap_mean(group: Group, start: int, stop: int) -> float:
    return _gap_sum(group, start, stop) / max(stop - max(start, 1), 1)


def _least_gap(group: Group, start: int, stop: int) -> float:
    return min(group.gaps[max(start, 1) - 1 : max(stop, 1) - 1], default=nan) / 1e6


def _largest_gap(group: Group, start: int, stop: int) -> float:
    return max(group.gaps[max(start, 1) - 1 : max(stop, 1) - 1], default=nan) / 1e6

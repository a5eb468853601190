"""The measures of windows of whole days, told from day buckets instead of events.

The same definitions as ``zap.encoding.measuring``, and the same arithmetic: whole
millionths are added up, and divided at the end, so that not a bit differs.
"""

from __future__ import annotations

import math

import numpy as np

from zap.encoding.aggregates import DAY_US, Aggregates
from zap.encoding.columns import FloatArray
from zap.encoding.day_buckets import DayBuckets
from zap.encoding.day_partial import DayPartial
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


def bucketed(
    aggregates: Aggregates, buckets: DayBuckets, instant_us: int
) -> FloatArray:
    """The numbers of all measures at one instant; see ``zap.encoding.aggregates``.

    Args:
        aggregates: of whole days, and fitted where split by type.
        buckets: all events of the past.
        instant_us: the instant, in microseconds.

    Returns:
        float64, shape (1, measures, types or 1), NaN where there is no number.
    """
    apart = buckets.plan.apart
    groups = [range(len(apart) + 1)]
    if aggregates.by is not None:
        places = [apart.index(kind) + 1 for kind in aggregates.types or ()]
        groups = [range(place, place + 1) for place in places]
    numbers = np.zeros((1, len(aggregates.measures), len(groups)))
    for t, group in enumerate(groups):
        windows = _windows(aggregates, buckets, instant_us // DAY_US, group)
        for m, (days, of, change) in enumerate(aggregates.measures):
            numbers[0, m, t] = _number(of, buckets, *windows[days, False])
            if change:
                numbers[0, m, t] -= _number(of, buckets, *windows[days, True])
    return numbers


def _windows(
    aggregates: Aggregates, buckets: DayBuckets, today: int, group: range
) -> dict[tuple[float, bool], tuple[DayPartial | None, int | None]]:
    """The windows by length, and (True) the one before each if that is needed."""
    found = {}
    for days in aggregates.days:
        first = today - int(days) + 1
        found[days, False] = buckets.between(first, None, group)
        if aggregates.change:
            found[days, True] = buckets.between(first - int(days), first, group)
    return found


def _number(
    of: Measured, buckets: DayBuckets, window: DayPartial | None, before: int | None
) -> float:
    """A measure of a window.

    Args:
        of: the measure.
        buckets: say where fields lie.
        window: its events, if there are any.
        before: the time of the last event before it, if there is one.
    """
    if isinstance(of, Gap):
        return _of_gaps(of.statistic, window, before)
    if of == COUNT:
        return float(window.count) if window else 0.0
    if isinstance(of, Summary) and of.kind == DISTINCT:
        place = buckets.plan.distinct.index(of.field)
        return float(min(len(window.hashes[place]), MOST_DISTINCT)) if window else 0.0
    field, kind = (of.field, of.kind) if isinstance(of, Summary) else (of, SUM)
    part = window.numbers[buckets.plan.numbers.index(field)] if window else None
    if part is None:
        return 0.0 if kind == SUM else math.nan
    outermost = {MINIMUM: part.low, MAXIMUM: part.high}
    if kind in outermost:
        return outermost[kind]
    return _divided(part.total, part.count if kind == MEAN else 1)


def _of_gaps(statistic: str, window: DayPartial | None, before: int | None) -> float:
    """The sum telescopes: the last time minus that from which the first gap counts."""
    if window is None:
        return math.nan
    count = window.count if before is not None else window.count - 1
    if not count:
        return math.nan
    total = window.last - (window.first if before is None else before)
    return _divided(total, count if statistic == MEAN else 1)


def _divided(millionths: int, count: int) -> float:
    """As of a batch, whose sums are whole numbers of 64 bits, modulo 2**64."""
    wrapped = (millionths + 2**63) % 2**64 - 2**63
    return wrapped / 1e6 / count

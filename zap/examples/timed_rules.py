"""Rules that put cutoffs at times: given ones, days, months, so long after an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, IntArray
from zap.errors import GeneratorError
from zap.examples.calendar import (
    day_instants,
    month_instants,
    months_between,
    time_of_day,
)
from zap.examples.evaluate import Context
from zap.examples.observed import ObservedRange
from zap.examples.predicates import Event
from zap.examples.rules import CutoffRule
from zap.times import iso


@dataclass(frozen=True)
class At(CutoffRule):
    """At given times, for every subject that was seen before."""

    times_us: tuple[int, ...]
    timed: ClassVar[bool] = True

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        subjects = np.arange(context.histories.subjects)
        times = np.array(self.times_us, np.int64)
        return at_times(
            context, np.repeat(subjects, len(times)), np.tile(times, len(subjects))
        )

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "at", "times": [iso(time) for time in self.times_us]}


@dataclass(frozen=True)
class Monthly(CutoffRule):
    """On one day of each month, from one month to another, both included."""

    first: str
    until: str
    day: int = 1
    at: str = "00:00Z"
    timed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        months_between(self.first, self.until)
        time_of_day(self.at)
        if not isinstance(self.day, int) or not 1 <= self.day <= 28:
            raise GeneratorError(
                f"monthly() takes a day that every month has, 1 to 28. "
                f"Received: day={self.day!r}."
            )

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        times = month_instants(self.first, self.until, self.day, self.at)
        return At(tuple(times)).generate(context, observed)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": "monthly",
            "first": self.first,
            "until": self.until,
            "day": self.day,
            "at": self.at,
        }


@dataclass(frozen=True)
class Daily(CutoffRule):
    """Every day at one time, from a subject's first event to the end of the data.

    Attributes:
        at: the time of day, such as "00:00Z".
        active_us: only where the subject had an event of ``active`` in so many
            microseconds before; set by the generator from its ``eligible``, so that
            idle days are never made.
        active: the events that count for ``active_us``.
    """

    at: str = "00:00Z"
    active_us: int | None = None
    active: Event | None = None
    timed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        time_of_day(self.at)

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        histories = context.histories
        days = day_instants(observed.from_us, observed.until_us, self.at)
        if not len(days) or not histories.events:
            return _no_cutoffs()
        if self.active is None:
            rows = np.arange(histories.subjects)
            since, length = histories.time_us[histories.offsets[:-1]], None
        else:
            chosen = np.flatnonzero(context.mask(self.active))
            rows, since = histories.rows()[chosen], histories.time_us[chosen]
            length = self.active_us
        first = np.searchsorted(days, since, "right")
        stop = np.full(len(rows), len(days))
        if length is not None:
            stop = np.searchsorted(days, since + length, "right")
        subject, day = _distinct_days(rows, first, stop, len(days))
        return at_times(context, subject, days[day])

    @property
    def events(self) -> tuple[Event, ...]:
        return () if self.active is None else (self.active,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "daily", "at": self.at}


@dataclass(frozen=True)
class After(CutoffRule):
    """A fixed time after a subject's first event of a kind, of those known by then."""

    anchor: Event
    delay_us: int
    timed: ClassVar[bool] = True

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        histories = context.histories
        matching = np.flatnonzero(context.mask(self.anchor))
        rows, known = histories.rows()[matching], histories.known_us[matching]
        instant = histories.time_us[matching] + self.delay_us
        chosen = (known < instant) & (earliest_before(rows, known) >= instant)
        return at_times(context, rows[chosen], instant[chosen])

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.anchor,)

    def to_dict(self) -> dict[str, Any]:
        anchor = self.anchor.to_dict()
        return {"rule": "after", "anchor": anchor, "delay_us": self.delay_us}


def at_times(context: Context, subject: IntArray, instant: IntArray) -> Cutoffs:
    """Cutoffs at the given instants, where the subject was seen before."""
    position = context.times.first_at_or_after(subject, instant)
    seen: BoolArray = position > context.histories.offsets[subject]
    return Cutoffs(subject[seen], position[seen], instant[seen])


def earliest_before(rows: IntArray, known_us: IntArray) -> IntArray:
    """The earliest ``known_us`` of the entries of the same row before each one.

    Args:
        rows: int64, shape (n,), ascending.
        known_us: int64, shape (n,).

    Returns:
        int64, shape (n,); the largest int64 for the first entry of each row.
    """
    distinct, rank = np.unique(known_us, return_inverse=True)
    # Later rows' numbers are lower, so that a running minimum begins anew with each.
    floor = -rows * len(distinct)
    least = np.minimum.accumulate(rank + floor)
    earlier = np.full(len(rows), np.iinfo(np.int64).max)
    same = np.flatnonzero(rows[1:] == rows[:-1]) + 1
    earlier[same] = distinct[least[same - 1] - floor[same]]
    return earlier


def _no_cutoffs() -> Cutoffs:
    none = np.zeros(0, np.int64)
    return Cutoffs(none, none, none)


def _distinct_days(
    rows: IntArray, first: IntArray, stop: IntArray, days: int
) -> tuple[IntArray, IntArray]:
    """The distinct (row, day) pairs in the ranges first..stop of each row."""
    ranges = np.unique(np.stack([rows, first, stop], axis=1), axis=0)
    lengths = np.maximum(ranges[:, 2] - ranges[:, 1], 0)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    within = np.arange(total) - np.repeat(ends - lengths, lengths)
    keys = np.repeat(ranges[:, 0] * days + ranges[:, 1], lengths) + within
    distinct = np.unique(keys)
    return distinct // days, distinct % days

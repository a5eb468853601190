"""Rules that say where in a history predictions would have been made.

An honest rule decides from the past alone whether a cutoff lies at a point. An
*anticipating* rule must have seen the whole session to decide; the choice itself then
tells about the label. Those are offered, because section 2.2 of the paper has them, and
marked, so that a manifest and a report can say so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import mmh3
import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, IntArray
from zap.encoding.windows import count_in
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
from zap.times import duration_us, instant_us, iso

SAMPLE_SEED = 0xC0F


@dataclass(frozen=True)
class CutoffRule(ABC):
    """Where cutoffs lie.

    Attributes:
        timed: whether cutoffs lie at times rather than after events.
        anticipating: whether the rule needs to see past the cutoff.
    """

    timed: ClassVar[bool] = False
    anticipating: ClassVar[bool] = False

    @abstractmethod
    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        """All cutoffs of the rule; none has an empty past."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The predicates that the rule reads."""
        return ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object with its name under ``rule``."""

    def sample(self, share: float) -> Sample:
        """A share of the cutoffs, chosen by a hash of subject and instant.

        Raises:
            GeneratorError: the share is not in (0, 1].
        """
        return Sample(self, share)


@dataclass(frozen=True)
class Each(CutoffRule):
    """After every event of a kind."""

    event: Event

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        return after_events(context, np.flatnonzero(context.mask(self.event)))

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.event,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "each", "event": self.event.to_dict()}


@dataclass(frozen=True)
class Nth(CutoffRule):
    """After the n-th event of a kind in a session."""

    event: Event
    n: int

    def __post_init__(self) -> None:
        if not isinstance(self.n, int) or self.n < 1:
            raise GeneratorError(
                f"nth() counts from 1. Received: n={self.n!r}. "
                "nth(event, 3) is the cutoff after the third."
            )

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        mask = context.mask(self.event)
        events = np.arange(len(mask))
        number = count_in(mask, context.histories.session_start, events + 1)
        return after_events(context, np.flatnonzero(mask & (number == self.n)))

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.event,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "nth", "event": self.event.to_dict(), "n": self.n}


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
    """A fixed time after a subject's first event of a kind."""

    anchor: Event
    delay_us: int
    timed: ClassVar[bool] = True

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        histories = context.histories
        matching = np.flatnonzero(context.mask(self.anchor))
        rows, first = np.unique(histories.rows()[matching], return_index=True)
        anchors = matching[first]
        instant = histories.time_us[anchors] + self.delay_us
        known = histories.known_us[anchors] < instant
        return at_times(context, rows[known], instant[known])

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.anchor,)

    def to_dict(self) -> dict[str, Any]:
        anchor = self.anchor.to_dict()
        return {"rule": "after", "anchor": anchor, "delay_us": self.delay_us}


@dataclass(frozen=True)
class BeforeOutcome(CutoffRule):
    """Before a session's first outcome, or at its end where there is none.

    This is the paper's own rule (section 2.2). It anticipates: sessions without an
    outcome are cut at an end that nobody knew of at the time.
    """

    outcome: Event
    anticipating: ClassVar[bool] = True

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        histories = context.histories
        begins = np.unique(histories.session_start)
        ends = histories.session_stop[begins]
        outcomes = np.flatnonzero(context.mask(self.outcome))
        places = np.searchsorted(outcomes, begins)
        found = np.append(outcomes, histories.events)[places]
        position = np.minimum(found, ends)
        return after_events(context, position[position > begins] - 1)

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.outcome,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "before_outcome", "outcome": self.outcome.to_dict()}


@dataclass(frozen=True)
class Sample(CutoffRule):
    """A share of another rule's cutoffs, by a hash of subject and instant."""

    rule: CutoffRule
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise GeneratorError(
                "sample() takes a share above 0 and at most 1. "
                f"Received: share={self.share!r}."
            )

    @property
    def timed(self) -> bool:  # type: ignore[override]
        return self.rule.timed

    @property
    def anticipating(self) -> bool:  # type: ignore[override]
        return self.rule.anticipating

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        cutoffs = self.rule.generate(context, observed)
        hashes = context.histories.subject_hash[cutoffs.subject]
        chosen = [
            mmh3.hash(f"{subject}@{instant}/{position}".encode(), SAMPLE_SEED, False)
            < self.share * 2**32
            for subject, instant, position in zip(
                hashes.tolist(),
                cutoffs.instant_us.tolist(),
                (
                    cutoffs.position - context.histories.offsets[cutoffs.subject]
                ).tolist(),
                strict=True,
            )
        ]
        return cutoffs.select(np.array(chosen, bool))

    @property
    def events(self) -> tuple[Event, ...]:
        return self.rule.events

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "sample", "of": self.rule.to_dict(), "share": self.share}


def each(event: Event) -> Each:
    """A cutoff after every event of ``event``."""
    return Each(event)


def nth(event: Event, n: int) -> Nth:
    """A cutoff after the ``n``-th event of ``event`` in each session."""
    return Nth(event, n)


def at(*times: str) -> At:
    """Cutoffs at the given ISO times (UTC where no zone is given).

    Raises:
        GeneratorError: no time is given, or one is no ISO time.
    """
    if not times:
        raise GeneratorError("at() takes one or more ISO times. Received: none.")
    return At(tuple(sorted({instant_us(time) for time in times})))


def monthly(first: str, until: str, *, day: int = 1, at: str = "00:00Z") -> Monthly:
    """Cutoffs on a day of each month, ``first`` to ``until`` ("2011-03"), inclusive."""
    return Monthly(first, until, day, at)


def daily(*, at: str = "00:00Z") -> Daily:
    """A cutoff every day at the time ``at``."""
    return Daily(at)


def after(anchor: Event, **delay: float) -> After:
    """A cutoff ``days=`` (hours, ...) after a subject's first ``anchor`` event.

    Raises:
        GeneratorError: no delay is given; for none, use ``nth(anchor, 1)``.
    """
    delay_us = duration_us("after()", **delay)
    if delay_us is None:
        raise GeneratorError(
            "after() needs a delay, such as after(event, days=30). Received: none. "
            "For a cutoff at the event itself use nth(event, 1)."
        )
    return After(anchor, delay_us)


def before_outcome(outcome: Event) -> BeforeOutcome:
    """The paper's rule: before the first outcome or at the session's end.

    It anticipates (see `BeforeOutcome`); models trained so look better than they are.
    """
    return BeforeOutcome(outcome)


def rule_from_dict(data: Mapping[str, Any]) -> CutoffRule:
    """The rule that ``to_dict`` described.

    Raises:
        GeneratorError: an unknown rule.
    """
    match data.get("rule"):
        case "each":
            return Each(Event.from_dict(data["event"]))
        case "nth":
            return Nth(Event.from_dict(data["event"]), data["n"])
        case "at":
            return at(*data["times"])
        case "monthly":
            return Monthly(data["first"], data["until"], data["day"], data["at"])
        case "daily":
            return Daily(data["at"])
        case "after":
            return After(Event.from_dict(data["anchor"]), data["delay_us"])
        case "before_outcome":
            return BeforeOutcome(Event.from_dict(data["outcome"]))
        case "sample":
            return Sample(rule_from_dict(data["of"]), data["share"])
    raise GeneratorError(
        "Expected a cutoff rule: each, nth, at, monthly, daily, after, before_outcome "
        f"or sample. Received: rule={data.get('rule')!r}."
    )


def after_events(context: Context, events: IntArray) -> Cutoffs:
    """Cutoffs after the given events: the past includes them, their receipt is the
    instant."""
    histories = context.histories
    rows = np.searchsorted(histories.offsets, events, "right") - 1
    return Cutoffs(rows, events + 1, histories.known_us[events])


def at_times(context: Context, subject: IntArray, instant: IntArray) -> Cutoffs:
    """Cutoffs at the given instants, where the subject was seen before."""
    position = context.times.first_at_or_after(subject, instant)
    seen: BoolArray = position > context.histories.offsets[subject]
    return Cutoffs(subject[seen], position[seen], instant[seen])


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

"""Where predictions would have been made: the words for it, and their JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.errors import GeneratorError
from zap.examples.counted_rules import Nth, RandomK
from zap.examples.predicates import Event, event
from zap.examples.rules import BeforeOutcome, CutoffRule, Each, Sample
from zap.examples.timed_rules import After, At, Daily, Monthly
from zap.times import duration_us, instant_us

PREDICTION_POINT = "prediction_point"
"""The type of the events that say where a site asks for predictions."""


def each(event: Event) -> Each:
    """A cutoff after every event of ``event``."""
    return Each(event)


def nth(event: Event, n: int) -> Nth:
    """A cutoff after the ``n``-th event of ``event`` in each session."""
    return Nth(event, n)


def prediction_points() -> Each:
    """A cutoff where the site itself asked for a prediction.

    The site, or the server that scores for it, sends an event of the type
    ``prediction_point`` whenever it asks; training then has its cutoffs exactly where
    serving has them.
    """
    return Each(event(PREDICTION_POINT))


def random_k(event: Event, k: int) -> RandomK:
    """``k`` cutoffs of each session, drawn among its events of ``event`` by a hash.

    Each weighs the number of such events in the session divided by those drawn, so
    that weighted sums estimate the sums over every event. The rule anticipates, and
    its weights repair that (see `RandomK`).

    Raises:
        GeneratorError: ``k`` is no whole number from 1 on.
    """
    return RandomK(event, k)


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

    The first, that is, of those that were known by then.

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
        case "random_k":
            return RandomK(Event.from_dict(data["event"]), data["k"])
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
        "Expected a cutoff rule: each, nth, random_k, at, monthly, daily, after, "
        f"before_outcome or sample. Received: rule={data.get('rule')!r}."
    )

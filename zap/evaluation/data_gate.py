"""The data gate: does this week's feed look like those before it?

Each number is held against its own past in accepted runs (`bands`). What a shop may
honestly do in a week, a campaign or a new design, is left room; what a broken feed does
is not: half of the events twice, a field that says one thing only, no purchases, labels
that have nothing to do with what came before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zap.evaluation.bands import (
    ENOUGH_PAST,
    Check,
    Rule,
    band,
    check_threshold,
    divergence,
    judge,
)

Stats = Mapping[str, Any]
CHANGE = "change of "
_NEVER = 1e-6
_FACTORS = ("volume", "events_each", "label_rate")


@dataclass(frozen=True)
class DataThresholds:
    """What the data gate lets pass; `Rule` says what a floor is.

    Attributes:
        volume: factor by which events, subjects and examples may be off.
        events_each: factor by which the events of a subject may be off.
        label_rate: factor by which the share of positives may be off.
        divergence: bits by which a distribution may differ from that of its past.
        missing: by how much a field's share of missing values may change.
        repeats: by how much the share of repeated events may grow.
        most_repeats: the largest share of repeated events at all.
        lift: share of the live model's lift, AUC less 0.5, that may be lost.
        bad_rows: the largest share of rows that can't be read.
        examples: fewest examples of the newest days.
        outcomes: fewest positives, and fewest negatives, of the newest days.

    Raises:
        InputError: one is no number, a factor is below 1, or another below 0.
    """

    volume: float = 2.5
    events_each: float = 1.4
    label_rate: float = 2.0
    divergence: float = 0.15
    missing: float = 0.15
    repeats: float = 0.05
    most_repeats: float = 0.25
    lift: float = 0.5
    bad_rows: float = 0.01
    examples: int = 100
    outcomes: int = 10

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 1 if name in _FACTORS else 0
            check_threshold(f"data.{name}", value, least)


def check_events(
    stats: Stats, past: Sequence[Stats], limits: DataThresholds
) -> list[Check]:
    """Hold the events of the newest days against those of earlier runs.

    Args:
        stats: an event profile, with ``bad_rows`` (share) and ``missing_days``.
        past: the same of accepted runs, the oldest first.
        limits: what may pass.
    """
    error = 2 / max(stats["subjects"], 1) ** 0.5
    relative = Rule(limits.volume, relative=True)
    each = [_events_each(one) for one in past]
    return [
        judge("events", stats["events"], _of(past, "events"), relative, error),
        judge("subjects", stats["subjects"], _of(past, "subjects"), relative, error),
        judge(
            "events a subject",
            _events_each(stats),
            each,
            Rule(limits.events_each, relative=True),
            error,
        ),
        judge(
            "days without events",
            stats["missing_days"],
            _of(past, "missing_days"),
            # Twice the floor, as a short past has it, is less than a day.
            Rule(0.4, least=0, most=None if past else 0, below=False),
        ),
        judge(
            "share of bad rows",
            stats["bad_rows"],
            (),
            Rule(0, most=limits.bad_rows),
        ),
        judge(
            "share of repeated events",
            stats["repeats"],
            _of(past, "repeats"),
            Rule(limits.repeats, most=limits.most_repeats, below=False),
        ),
        *_check_types(stats, past, limits),
        *_check_fields(stats, past, limits),
    ]


def check_examples(
    stats: Stats, past: Sequence[Stats], limits: DataThresholds
) -> list[Check]:
    """Hold the newest examples, and the live model on them, against earlier runs.

    Args:
        stats: of the newest held-out examples: examples, positives, rate, rate_error
            (of its logarithm), and where a model is live auc and auc_error.
        past: the same of accepted runs, the oldest first.
        limits: what may pass.
    """
    examples, positives = stats["examples"], stats["positives"]
    error = 2 / max(stats["subjects"], 1) ** 0.5
    found = [
        judge(
            "examples",
            examples,
            _of(past, "examples"),
            Rule(limits.volume, relative=True, least=limits.examples),
            error,
        ),
        judge("positives", positives, (), Rule(0, least=limits.outcomes)),
        judge("negatives", examples - positives, (), Rule(0, least=limits.outcomes)),
        judge(
            "label rate",
            stats["rate"],
            _of(past, "rate"),
            Rule(limits.label_rate, relative=True, most=1),
            stats["rate_error"],
        ),
    ]
    if stats.get("auc") is not None:
        found.append(_check_live(stats, _of(past, "auc"), limits))
    return found


def _check_live(stats: Stats, past: Sequence[float], limits: DataThresholds) -> Check:
    """A model may lose some of its lift to a change, but not most of it at once."""
    lift = max(float(np.median(past)) - 0.5, 0.0) if past else 0.0
    # A short past doubles a floor: of a whole lift that would let anything pass.
    floor = limits.lift * lift / (1 if len(past) >= ENOUGH_PAST else 2)
    rule = Rule(floor, above=False)
    return judge("AUC of the live model", stats["auc"], past, rule, stats["auc_error"])


def _check_types(
    stats: Stats, past: Sequence[Stats], limits: DataThresholds
) -> list[Check]:
    """The mix of types, and that none is gone which every run had."""
    if not past:
        return []
    usual = _pooled([one["types"] for one in past])
    names = sorted({*usual, *stats["types"]})
    mix = divergence(
        [stats["types"].get(name, 0) for name in names],
        [usual.get(name, 0) for name in names],
    )
    found = [_check_change("event types", mix, past, limits)]
    gone = [
        name
        for name, share in usual.items()
        if all(one["types"].get(name) for one in past)
        and not stats["types"].get(name)
        and (1 - share) ** stats["subjects"] < _NEVER
    ]
    said = f"no event of type {', '.join(gone)}, which every run had" if gone else ""
    count = float(len(gone))
    return [*found, Check("types that are gone", count, None, 0, not gone, (), said)]


def _check_fields(
    stats: Stats, past: Sequence[Stats], limits: DataThresholds
) -> list[Check]:
    found = []
    for name, field in stats["fields"].items():
        before = [one["fields"][name] for one in past if name in one["fields"]]
        missing = [one["missing"] for one in before]
        rule = Rule(limits.missing, least=0, most=1)
        found.append(judge(f"missing {name}", field["missing"], missing, rule))
        usual = np.sum([_shares(one["buckets"]) for one in before], axis=0)
        if not before or not np.sum(usual) or not sum(field["buckets"]):
            continue
        change = divergence(field["buckets"], usual)
        found.append(_check_change(name, change, past, limits))
        if field["constant"]:
            found.append(_check_constant(name, field, before))
    return found


def _check_change(
    name: str, change: float, past: Sequence[Stats], limits: DataThresholds
) -> Check:
    """A distribution beside the mean of its past; what is restless may move more."""
    name = f"{CHANGE}{name}"
    before = [one["changes"][name] for one in past if name in one.get("changes", {})]
    most = limits.divergence
    if len(before) >= ENOUGH_PAST:
        most = max(most, band(before, Rule(most))[1] or most)
    return judge(name, change, before, Rule(0, most=most, above=False, below=False))


def changes_of(checks: Sequence[Check]) -> dict[str, float]:
    """How far distributions were from their past, to be kept for later runs."""
    return {c.name: c.value for c in checks if c.name.startswith(CHANGE)}


def _check_constant(name: str, field: Stats, before: Sequence[Stats]) -> Check:
    """A field of one value, unless its past makes that likely."""
    usual = np.mean([_shares(one["buckets"]) for one in before], axis=0)
    likely = float(usual.max()) ** (sum(field["buckets"]) / 10)  # events of a visit
    varied = not any(one["constant"] for one in before)
    passed = not (varied and likely < _NEVER)
    said = "" if passed else f"{name} has one value only, in runs before it had more"
    return Check(f"distinct values of {name}", 1, None, None, passed, (), said)


def _shares(buckets: Sequence[float]) -> Any:
    counts = np.asarray(buckets, np.float64)
    return counts / max(counts.sum(), 1)


def _pooled(types: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean share of each type."""
    pooled: dict[str, float] = {}
    for one in types:
        total = sum(one.values())
        for name, count in one.items():
            pooled[name] = pooled.get(name, 0.0) + count / total / len(types)
    return pooled


def _of(past: Sequence[Stats], name: str) -> list[float]:
    return [one[name] for one in past if one.get(name) is not None]


def _events_each(stats: Stats) -> float:
    return float(stats["events"]) / max(int(stats["subjects"]), 1)

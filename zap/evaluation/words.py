"""Numbers and machine names as a reader wants them: percent, thousands, plain words.

Counters, settings and package names reach a report under their machine names. Names
that are known get their own words; any other is spelled out, so that a new counter is
shown the day it appears.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

DASH = "-"  # shown for what is not known
INTERVAL = (
    "95 % interval",
    "Where the number would lie in 95 of 100 repetitions with other subjects, by "
    "resampling whole subjects.",
)
LONGEST_LIST = 12

_THINGS = {
    "rows": "Rows of the input",
    "events": "Events",
    "histories": "Histories (all events of one subject)",
    "subjects": "Subjects",
    "sessions": "Sessions",
    "visits": "Visits",
    "cutoffs": "Cutoffs (moments at which a prediction could be made)",
    "labels": "Labels",
    "examples": "Examples",
    "bots": "Bots, as if they had been kept",
    "late": "Late arrival",
    "variants": "Variants of the test part",
}
_OUTCOMES = {"bad": "could not be read", "skipped": "skipped by rule", "late": "late"}
_REASONS = {
    "timestamp.unparsable": "the timestamp could not be read",
    "timestamp.missing": "there is no timestamp",
    "timestamp.no_zone": "the timestamp names no time zone",
    "timestamp.out_of_range": "the timestamp is outside of all bounds",
    "type.missing": "the type of event is missing",
    "csv.columns": "wrong number of columns",
    "json.invalid": "not valid JSON",
    "log.shape": "not a line of an access log",
    "too_large": "the row is too large",
    "duplicate_id": "repeats an event_id",
    "repeated_event": "repeats the event before it",
    "max_events": "session with too many events",
    "max_subject_events": "subject with too many events",
    "crawler": "sent by a known crawler",
    "bot.crawler": "sent by a known crawler",
    "bot.missing_agent": "sent without a user agent",
    "bot.rate": "session with page views faster than people read",
    "bot.regularity": "session with page views as even as a clock",
    "time_resolution": "the clock is too coarse",
    "no_subject": "names no subject",
    "missing_subject": "names no subject",
    "censored": "its outcome is not yet observed",
    "not_eligible": "not eligible by the generator's rule",
    "ineligible": "not eligible by the generator's rule",
    "embargo": "too close to the boundary between splits",
    "generator_error": "the generator raised an error",
}
_UNITS = {"us": "microseconds", "ms": "milliseconds", "l2": "L2 penalty"}


def percent(share: float | None) -> str:
    """A share as percent: 0.2994 is "29.9 %", small shares with two digits."""
    if share is None or not math.isfinite(share):
        return DASH
    value = 100 * share
    if abs(value) >= 0.995 or value == 0:
        return f"{value:.1f} %"
    return f"{value:.2g} %" if abs(value) >= 0.0001 else "under 0.0001 %"


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of decimals."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}f}"


def error(value: float | None) -> str:
    """An error of calibration: three decimals, two digits where that says nothing."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.3f}" if value >= 0.00995 or value == 0 else f"{value:.2g}"


def points(share: float) -> str:
    """A share as percentage points: 0.0141 is "1.4", small ones with two digits."""
    return f"{100 * share:.1f}" if share >= 0.00995 else f"{100 * share:.2g}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:+.{digits}f}"


def plural(count: int, one: str) -> str:
    """A count with its noun: "1 example", "7,071 examples"."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def judged_on(metrics: Mapping[str, Any], scope: str) -> str:
    """Which examples were judged, as the beginning of a sentence."""
    rows = plural(metrics["n"], "example")
    of = f" of {plural(metrics['subjects'], 'subject')}"
    return f"On {scope} ({rows}{of})" if scope else f"On {rows}{of}"


def amount(value: float | None) -> str:
    """An amount: two decimals, three digits where that says nothing."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0 or 0.095 <= abs(value) < 1e4:
        return f"{value:,.2f}"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.3g}"


def between(metrics: Mapping[str, Any], key: str, shown: Any) -> str:
    """A number of the metrics with its interval; a dash where it is not defined."""
    if metrics[key] is None:
        return DASH
    low, high = shown(metrics[f"{key}_low"]), shown(metrics[f"{key}_high"])
    return f"{shown(metrics[key])} ({low} to {high})"


def value(item: Any) -> str:
    """Any value of a setting or a fact, as short text."""
    if item is None:
        return DASH
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int):
        return f"{item:,}"
    if isinstance(item, float):
        return f"{item:,.0f}" if item.is_integer() and item < 1e15 else f"{item:.4g}"
    if isinstance(item, Mapping):
        return "; ".join(f"{name} {value(part)}" for name, part in item.items())
    if isinstance(item, list | tuple):
        shown = [value(part) for part in item[:LONGEST_LIST]]
        more = len(item) - len(shown)
        return ", ".join(shown + [f"and {more:,} more"] * (more > 0)) or "none"
    return str(item)


def spell(name: str) -> str:
    """A machine name spelled out: "learning_rate" is "Learning rate"."""
    words = " ".join(name.replace("_", " ").replace(".", ": ").split())
    known = _UNITS.get(name.lower(), words)
    return known[:1].upper() + known[1:]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings with dotted names, in order."""
    for name, item in tree.items():
        if isinstance(item, Mapping):
            yield from flatten(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def counter_thing(name: str) -> str:
    """What a counter counts, as a heading: of "rows.bad.x" the rows."""
    thing = name.split(".")[0]
    return _THINGS.get(thing, spell(thing))


def counter_words(name: str) -> str:
    """What happened to the things that a counter counts, in plain words."""
    rest = name.split(".", 1)[1] if "." in name else "counted"
    if rest in _REASONS:
        return spell(_REASONS[rest])
    outcome, _, reason = rest.partition(".")
    first = _OUTCOMES.get(outcome, outcome.replace("_", " "))
    first = first[:1].upper() + first[1:]
    return f"{first}: {_reason(reason)}" if reason else first


def _reason(reason: str) -> str:
    if reason in _REASONS:
        return _REASONS[reason]
    parts = reason.split(".")
    if parts[0] == "property" and len(parts) == 3:
        wanted = parts[2].removeprefix("not_").replace("_", " ")
        return f"the property {parts[1]!r} is not of type {wanted}"
    return ", ".join(part.replace("_", " ") for part in parts)

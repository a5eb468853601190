"""Slices, labels, windows and censoring against plain loops over rows.

The loops are written from the definitions of the words: cutoff, past, future, late,
session, horizon, gap, observed range, censored. They know nothing of columns, offsets
or prefix sums. Times are small whole hours, so that ties and events at the very edge of
a window are common.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import event as note
from hypothesis import strategies as st

from zap.errors import GeneratorError
from zap.examples import (
    ANY,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    WholeHistory,
    after,
    at,
    before_outcome,
    classes,
    contains,
    daily,
    each,
    event,
    future,
    ge,
    gt,
    in_session,
    le,
    lt,
    monthly,
    nth,
    one_of,
    past,
    prefix,
    rest_of_session,
    suffix,
)
from zap.examples.observed import ObservedRange
from zap.examples.slicing import slice_histories

BASE = datetime(2024, 1, 30, tzinfo=UTC)
HOUR = 3600
HOUR_US = 3_600_000_000
DAY = 24
KEPT = ("x", "y")
Row = dict[str, Any]
Spec = tuple[Any, ...]


# ---- rows -----------------------------------------------------------------------


def some_rows(rng: Random) -> list[Row]:
    """Events of a few subjects; receipts for all of them, for some, or for none."""
    receipts = rng.choice(["none", "some", "all"])
    rows: list[Row] = []
    for uid in range(rng.choice([0, 2, 6, 12, 20, 20])):
        hour = rng.choice([rng.randint(0, 80), rng.randint(0, 15), 0, 24, 48, 72])
        lag = rng.choice([0, 0, 0, 1, 2, 5, 24, 60])
        if receipts == "all" and rng.random() < 0.1:
            lag = -1  # a client's clock that runs fast
        known = receipts == "all" or (receipts == "some" and rng.random() < 0.5)
        rows.append(
            {
                "uid": uid,
                "who": rng.choice("aaabc"),
                "t": hour,
                "received": hour + lag if known else None,
                "type": rng.choice("xxyz"),
                "sequence": rng.choice([None, None, 1, 2]),
                "source": rng.choice(["s0", "s1"]),
                "row": uid,
                "amount": rng.choice([None, -0.5, 0.0, 1.25, 3.0]),
                "color": rng.choice([None, "red", "green", "blue"]),
            }
        )
    return rows


def in_order(rows: list[Row]) -> list[Row]:
    """Timestamp, then sequence (those without come last), source, row."""

    def key(row: Row) -> tuple[Any, ...]:
        sequence = row["sequence"]
        return (row["t"], sequence is None, sequence or 0, row["source"], row["row"])

    return sorted(rows, key=key)


def by_subject(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in in_order(rows):
        found.setdefault(row["who"], []).append(row)
    return found


# ---- predicates -----------------------------------------------------------------

PREDICATES: dict[str, tuple[Any, Any]] = {
    "x": (event("x"), lambda r: r["type"] == "x"),
    "y": (event("y"), lambda r: r["type"] == "y"),
    "absent": (event("never"), lambda r: False),
    "x or z": (event("x", "z"), lambda r: r["type"] in "xz"),
    "any": (event(ANY), lambda r: True),
    "costly x": (
        event("x", amount=gt(0)),
        lambda r: r["type"] == "x" and r["amount"] is not None and r["amount"] > 0,
    ),
    "1.25": (event(ANY, amount=1.25), lambda r: r["amount"] == 1.25),
    "two amounts": (event(ANY, amount=one_of(0, 3)), lambda r: r["amount"] in (0, 3)),
    "cheap": (
        event(ANY, amount=le(0)),
        lambda r: r["amount"] is not None and r["amount"] <= 0,
    ),
    "red": (event(ANY, color="red"), lambda r: r["color"] == "red"),
    "warm y": (
        event("y", color=one_of("red", "pink")),
        lambda r: r["type"] == "y" and r["color"] in ("red", "pink"),
    ),
    "not red": (
        event(ANY, color=contains("e"), amount=lt(3)),
        lambda r: (
            "e" in (r["color"] or "") and r["amount"] is not None and r["amount"] < 3
        ),
    ),
    "gr": (event(ANY, color=prefix("gr")), lambda r: (r["color"] or "")[:2] == "gr"),
    "ue": (event(ANY, color=suffix("ue")), lambda r: (r["color"] or "")[-2:] == "ue"),
}
COMMON = ["x", "y", "x or z", "any"]


def predicate(rng: Random) -> str:
    return rng.choice(sorted(PREDICATES) if rng.random() < 0.4 else COMMON)


# ---- expressions: one description, a Zap form and a plain form -------------------


@dataclass
class Cut:
    """A cutoff of the plain loops, with all that follows from the definitions."""

    instant: float
    past: list[Row]
    future: list[Row]
    late: int
    session: list[Row]  # of the cutoff, past and future; empty where it is in none


def some_window(rng: Random, side: str) -> Spec:
    if side == "past":
        lengths = [None, 1, 6, 24, 48]
        return rng.choice([("past", rng.choice(lengths)), ("in_session",)])
    if side == "session" and rng.random() < 0.5:
        return ("rest_of_session",)
    return ("future", rng.choice([1, 6, 24, 30]), rng.choice([0, 0, 24, 12]))


def zap_window(window: Spec) -> Any:
    match window:
        case ("past", None):
            return past()
        case ("past", hours):
            return past(hours=hours)
        case ("in_session",):
            return in_session()
        case ("future", hours, gap):
            return future(hours=hours, gap_days=gap / DAY)
        case _:
            return rest_of_session()


def plain_window(window: Spec, cut: Cut) -> list[Row]:
    match window:
        case ("past", None):
            return cut.past
        case ("past", hours):
            return [r for r in cut.past if r["t"] >= cut.instant - hours]
        case ("in_session",):
            return [r for r in cut.past if r in cut.session]
        case ("future", hours, gap):
            return [
                r
                for r in cut.future
                if r["t"] < cut.instant + gap + hours
                and (not gap or r["t"] >= cut.instant + gap)
            ]
        case _:
            return [r for r in cut.future if r in cut.session]


def some_number(rng: Random, side: str) -> Spec:
    window = some_window(rng, side)
    past_only = ["since", "duration", "last amount"] if side == "past" else []
    kind = rng.choice(["count", "sum", *past_only])
    if kind == "duration":
        return (kind, window)
    if kind == "last amount":
        return (kind, window, rng.choice([None, 7.0]))
    return (kind, window, predicate(rng))


def some_truth(rng: Random, side: str, depth: int = 2) -> Spec:
    kinds = [
        "any",
        "any",
        "none",
        "compare",
        *(["last color"] if side == "past" else []),
    ]
    kind = rng.choice([*kinds, *(["and", "or", "not"] if depth else [])])
    if kind == "not":
        return (kind, some_truth(rng, side, depth - 1))
    if kind in ("and", "or"):
        return (kind, *(some_truth(rng, side, depth - 1) for _ in range(2)))
    if kind == "compare":
        op = rng.choice(["gt", "ge", "lt", "le", "equals", "one_of"])
        value = rng.choice([0, 1, 2, 1.25, 3600])
        return (kind, some_number(rng, side), op, value)
    window = some_window(rng, side)
    if kind == "last color":
        default = rng.choice([None, "red", "white"])
        return (kind, window, default, rng.choice(["red", "white"]))
    return (kind, window, predicate(rng))


def to_zap(spec: Spec) -> Any:
    match spec:
        case ("and", left, right):
            return to_zap(left) & to_zap(right)
        case ("or", left, right):
            return to_zap(left) | to_zap(right)
        case ("not", inner):
            return ~to_zap(inner)
        case ("compare", inner, "equals", value):
            return to_zap(inner).equals(value)
        case ("compare", inner, "one_of", value):
            return to_zap(inner).one_of(value, 2)
        case ("compare", inner, op, value):
            return getattr(to_zap(inner), f"__{op}__")(value)
        case ("last color", window, default, wanted):
            return zap_window(window).last("color", default=default).equals(wanted)
        case ("last amount", window, default):
            return zap_window(window).last("amount", default)
        case ("sum", window, name):
            return zap_window(window).sum("amount", PREDICATES[name][0])
        case ("duration", window):
            return zap_window(window).duration()
        case (op, window, name):
            return getattr(zap_window(window), op)(PREDICATES[name][0])
    raise AssertionError(spec)


def last_known(rows: list[Row], field: str, default: Any) -> Any:
    for row in reversed(rows):
        if row[field] is not None:
            return row[field]
    return default


def to_plain(spec: Spec, cut: Cut) -> Any:
    match spec:
        case ("and", left, right):
            return to_plain(left, cut) and to_plain(right, cut)
        case ("or", left, right):
            return to_plain(left, cut) or to_plain(right, cut)
        case ("not", inner):
            return not to_plain(inner, cut)
        case ("compare", inner, op, value):
            found = to_plain(inner, cut)
            if found is None:
                return False
            return {
                "gt": found > value,
                "ge": found >= value,
                "lt": found < value,
                "le": found <= value,
                "equals": found == value,
                "one_of": found in (value, 2),
            }[op]
        case ("last color", window, default, wanted):
            return last_known(plain_window(window, cut), "color", default) == wanted
        case ("last amount", window, default):
            return last_known(plain_window(window, cut), "amount", default)
        case ("duration", window):
            rows = plain_window(window, cut)
            return (rows[-1]["t"] - rows[0]["t"]) * HOUR if rows else 0
    op, window, name = spec
    found = [r for r in plain_window(window, cut) if PREDICATES[name][1](r)]
    match op:
        case "any":
            return bool(found)
        case "none":
            return not found
        case "count":
            return len(found)
        case "sum":
            return sum(r["amount"] or 0 for r in found)
    return (cut.instant - found[-1]["t"]) * HOUR if found else -1


def leaves(spec: Any) -> list[Spec]:
    """The windows anywhere in a description."""
    if not isinstance(spec, tuple):
        return []
    if spec and spec[0] in ("past", "in_session", "future", "rest_of_session"):
        return [spec]
    return [window for part in spec for window in leaves(part)]


# ---- cutoff rules ---------------------------------------------------------------

RULES = ["each", "nth", "before_outcome", "at", "monthly", "daily", "after"]


def some_rule(rng: Random, kind: str) -> Spec:
    match kind:
        case "nth":
            return (kind, predicate(rng), rng.randint(1, 3))
        case "at":
            return (kind, rng.sample(range(90), rng.randint(1, 4)))
        case "monthly":
            return (kind, rng.choice([1, 2, 28]), rng.choice([0, 12]))
        case "daily":
            return (kind, rng.choice([0, 13]))
        case "after":
            return (kind, predicate(rng), rng.choice([1, 24, 30]))
    return (kind, predicate(rng))


TIMED = ("at", "monthly", "daily", "after")


def iso(hours: float) -> str:
    return (BASE + timedelta(hours=hours)).isoformat()


def zap_rule(rule: Spec) -> Any:
    match rule:
        case ("each", name):
            return each(PREDICATES[name][0])
        case ("nth", name, n):
            return nth(PREDICATES[name][0], n)
        case ("before_outcome", name):
            return before_outcome(PREDICATES[name][0])
        case ("at", times):
            return at(*map(iso, times))
        case ("monthly", day, hour):
            return monthly("2024-01", "2024-03", day=day, at=f"{hour:02}:00Z")
        case ("daily", hour):
            return daily(at=f"{hour:02}:00Z")
        case ("after", name, hours):
            return after(PREDICATES[name][0], hours=hours)
    raise AssertionError(rule)


def hours_of(moment: datetime) -> float:
    return (moment - BASE) / timedelta(hours=1)


def sessions_of(history: list[Row], gap: int | None) -> list[list[Row]]:
    """The spans of a history between pauses longer than the gap."""
    spans = [history[:1]] if history else []
    for before, row in pairwise(history):
        if gap is not None and row["t"] - before["t"] > gap:
            spans.append([])
        spans[-1].append(row)
    return spans


def received(row: Row) -> float:
    """When an event was known: nobody knows of it before it happens."""
    return row["t"] if row["received"] is None else max(row["t"], row["received"])


def number_known(row: Row, name: str, history: list[Row], gap: int | None) -> int:
    """Which match a row is in its session, counting what was known when it came."""
    past = history[: history.index(row) + 1]
    known = [r for r in past if received(r) <= received(row)]
    return sum(PREDICATES[name][1](r) for r in sessions_of(known, gap)[-1])


def comes_second(
    row: Row, others: list[Row], history: list[Row], gap: int | None
) -> bool:
    """Whether another of its session, as known at its instant, was there before."""
    known = [r for r in history if received(r) <= received(row)]
    session = next(span for span in sessions_of(known, gap) if row in span)

    def when(r: Row) -> tuple[float, int]:
        return received(r), history.index(r)

    return any(r in session and when(r) < when(row) for r in others)


def points(
    rule: Spec, history: list[Row], gap: int | None, observed: tuple[int, int]
) -> list[tuple[float, int]]:
    """(instant, number of events before it in total order) of each candidate."""

    def after_event(row: Row) -> tuple[float, int]:
        return received(row), history.index(row) + 1

    def at_time(hour: float) -> tuple[float, int]:
        return hour, sum(r["t"] < hour for r in history)

    match rule:
        case ("each", name):
            return [after_event(r) for r in history if PREDICATES[name][1](r)]
        case ("nth", name, n):
            nths = [
                r
                for r in history
                if PREDICATES[name][1](r) and number_known(r, name, history, gap) == n
            ]
            return [
                after_event(r) for r in nths if not comes_second(r, nths, history, gap)
            ]
        case ("before_outcome", name):
            found = []
            for session in sessions_of(history, gap):
                before = []
                for row in session:
                    if PREDICATES[name][1](row):
                        break
                    before.append(row)
                found += [after_event(r) for r in before[-1:]]
            return found
        case ("after", name, hours):
            known = [r for r in history if received(r) < r["t"] + hours]
            anchors = [r for r in known if PREDICATES[name][1](r)]
            times = [r["t"] + hours for r in anchors[:1]]
        case ("at", hours):
            times = sorted(hours)
        case ("monthly", day, hour):
            firsts = [datetime(2024, m, day, hour, tzinfo=UTC) for m in (1, 2, 3)]
            times = [hours_of(moment) for moment in firsts]
        case ("daily", hour):
            low, high = observed
            days = [day * DAY + hour for day in range(low // DAY - 1, high // DAY + 2)]
            times = [hour for hour in days if low <= hour < high]
    return [point for point in map(at_time, times) if point[1]]


def cut_at(
    point: tuple[float, int], history: list[Row], timed: bool, gap: int | None
) -> Cut:
    """The past, the future and the session of a point, from the definitions."""
    instant, position = point

    def is_late(row: Row) -> bool:
        return received(row) >= instant if timed else received(row) > instant

    before, future = history[:position], history[position:]
    past = [row for row in before if not is_late(row)]
    session: list[Row] = []
    if past:
        idle = instant - past[-1]["t"]
        if not timed or gap is None or idle <= gap:
            spans = sessions_of([*past, *future], gap)
            session = next(span for span in spans if past[-1] in span)
    return Cut(instant, past, future, len(before) - len(past), session)


def is_censored(
    cut: Cut, label: Spec, gap: int | None, observed: tuple[int, int]
) -> bool:
    """Whether anything that the label looks at lies outside the observed range."""
    ends = [cut.instant]
    for window in leaves(label):
        if window[0] == "future":
            ends.append(cut.instant + window[1] + window[2])
        elif cut.session and gap is not None:
            # An event at this very moment would still be of the session.
            ends.append(math.nextafter(cut.session[-1]["t"] + gap, math.inf))
    return cut.instant < observed[0] or max(ends) > observed[1]


# ---- the comparison -------------------------------------------------------------


def some_question(rng: Random, kind: str) -> dict[str, Any]:
    gap = rng.choice(["undeclared", None, 2, 6])
    side = "future" if gap == "undeclared" else "session"
    label = rng.choice(
        [
            ("truth", some_truth(rng, side)),
            ("amount", some_number(rng, side)),
            ("classes", some_truth(rng, side), some_truth(rng, side)),
        ]
    )
    eligible = some_truth(rng, "past") if rng.random() < 0.4 else None
    if rng.random() < 0.4:  # an activity that daily() can be bound to
        activity = ("any", ("past", rng.choice([6, 24, 30])), predicate(rng))
        eligible = activity if eligible is None else ("and", activity, eligible)
    makers = [some_number, some_truth]
    return {
        "gap": gap,
        "rule": some_rule(rng, kind),
        "eligible": eligible,
        "label": label,
        "weight": some_number(rng, "past") if rng.random() < 0.3 else None,
        "statistics": [
            rng.choice(makers)(rng, "past") for _ in range(rng.randint(0, 3))
        ],
        "observed": rng.choice(
            [(-50, 800), (rng.randint(-5, 40), rng.randint(41, 99))]
        ),
    }


def zap_label(label: Spec) -> Any:
    if label[0] == "classes":
        return classes("rest", first=to_zap(label[1]), second=to_zap(label[2]))
    return to_zap(label[1])


def plain_label(label: Spec, cut: Cut) -> float:
    if label[0] == "classes":
        found = [to_plain(spec, cut) for spec in label[1:]]
        return [*found, True].index(True)
    return to_plain(label[1], cut)


def as_float32(value: Any) -> float | None:
    return None if value is None else float(np.float32(value))


def zap_generator(question: dict[str, Any]) -> Generator:
    gap = question["gap"]
    attributes = {
        "cutoffs": zap_rule(question["rule"]),
        "eligible": question["eligible"] and to_zap(question["eligible"]),
        "label": zap_label(question["label"]),
        "weight": question["weight"] and to_zap(question["weight"]),
        "statistics": {
            f"s{i}": to_zap(spec) for i, spec in enumerate(question["statistics"])
        },
        "instance": Instance(types=KEPT, last=3, fields=[Hash("type")]),
    }
    if gap != "undeclared":
        attributes["session"] = (
            WholeHistory() if gap is None else InactivityGap(hours=gap)
        )
    made = type("Made", (Generator,), attributes)
    return made()


def baseline(cut: Cut) -> dict[str, float | None]:
    times = [row["t"] for row in cut.past if row["type"] in KEPT]
    age = cut.instant - times[0] if times else 0
    wait = cut.instant - times[-1] if times else 0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    values = {
        "events": len(times),
        "age_seconds": age * HOUR,
        "wait_seconds": wait * HOUR,
        "mean_gap_seconds": sum(gaps) / len(gaps) * HOUR if gaps else 0,
    }
    return {f"base.{name}": as_float32(value) for name, value in values.items()}


def moment(cut: Cut) -> dict[str, float | None]:
    seen = [row["uid"] for row in cut.past]
    so_far = [row for row in cut.session if row["uid"] in seen]
    kept = [row["t"] for row in cut.past if row["type"] in KEPT]
    values = {
        "position": sum(row["type"] in KEPT for row in so_far),
        "elapsed_seconds": (cut.instant - so_far[0]["t"]) * HOUR if so_far else None,
        "wait_seconds": (cut.instant - kept[-1]) * HOUR if kept else None,
    }
    return {
        f"moment.{name}": None if value is None else as_float32(value)
        for name, value in values.items()
    }


def expected(
    question: dict[str, Any], rows: list[Row], base_us: int
) -> tuple[list[dict[str, Any]], Counter[str]]:
    gap = None if question["gap"] == "undeclared" else question["gap"]
    rule, observed, label = (question[k] for k in ("rule", "observed", "label"))
    examples, counts = [], Counter[str]()
    for who, history in by_subject(rows).items():
        for point in points(rule, history, gap, observed):
            cut = cut_at(point, history, rule[0] in TIMED, gap)
            counts["cutoffs.candidates"] += 1
            counts["events.late"] += cut.late
            if not cut.past:
                counts["cutoffs.dropped.empty_past"] += 1
            elif question["eligible"] and not to_plain(question["eligible"], cut):
                counts["cutoffs.dropped.not_eligible"] += 1
            elif is_censored(cut, label, gap, observed):
                counts["cutoffs.dropped.censored"] += 1
            else:
                counts["cutoffs.examples"] += 1
                weight = question["weight"]
                examples.append(
                    {
                        "who": who,
                        "instant": base_us + int(cut.instant * HOUR_US),
                        "past": tuple(row["uid"] for row in cut.past),
                        "future": tuple(row["uid"] for row in cut.future),
                        "label": as_float32(plain_label(label, cut)),
                        "weight": as_float32(to_plain(weight, cut)) if weight else 1.0,
                        **{
                            f"s{i}": as_float32(to_plain(spec, cut))
                            for i, spec in enumerate(question["statistics"])
                        },
                        **baseline(cut),
                        **moment(cut),
                    }
                )
    return examples, counts


def observed_range(base_us: int, hours: tuple[int, int]) -> ObservedRange:
    return ObservedRange(base_us + hours[0] * HOUR_US, base_us + hours[1] * HOUR_US)


def in_one_order(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(examples, key=lambda e: (e["who"], e["instant"], e["past"]))


@pytest.mark.parametrize("kind", RULES)
@settings(max_examples=500, phases=[Phase.generate])  # a seed cannot be shrunk
@given(rng=st.randoms(use_true_random=True))
def test_slices_are_what_plain_loops_find(
    kind: str, rng: Random, histories_of: Any, plain: Any, base_us: int
) -> None:
    rows, question = some_rows(rng), some_question(rng, kind)
    generator = zap_generator(question)
    histories = histories_of(rows, generator.fields(), generator.settings())
    observed = observed_range(base_us, question["observed"])
    slices = slice_histories(generator, histories, observed)
    examples, counts = expected(question, rows, base_us)
    note(f"{'some' if examples else 'no'} examples")
    assert in_one_order(plain(slices)) == in_one_order(examples), (question, rows)
    found = Counter(slices.counts)
    dropped = sum(n for name, n in found.items() if ".dropped." in name)
    assert found["cutoffs.candidates"] == dropped + found["cutoffs.examples"]
    if getattr(generator.rule(), "active", None) is not None:
        # Idle days are never made, so how many of them were dropped is not known.
        for name in ("candidates", "dropped.empty_past", "dropped.not_eligible"):
            del counts[f"cutoffs.{name}"], found[f"cutoffs.{name}"]
        del counts["events.late"], found["events.late"]
    assert +found == +counts, (question, rows)
    cutoffs = slices.cutoffs
    keys = list(zip(cutoffs.subject, cutoffs.position, cutoffs.instant_us, strict=True))
    assert keys == sorted(keys)


def test_a_subject_does_not_depend_on_who_else_is_in_the_batch(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    question = {
        "gap": 6,
        "rule": ("each", "any"),
        "eligible": None,
        "label": ("amount", ("sum", ("future", 24, 0), "any")),
        "weight": None,
        "statistics": [("sum", ("past", None), "any"), ("since", ("past", 48), "x")],
        "observed": (-100, 1000),
    }
    generator = zap_generator(question)
    rng = np.random.default_rng(5)
    rows = [
        {
            "uid": i,
            "who": f"w{rng.integers(8)}",
            "t": float(rng.integers(200)) / 7,
            "type": "xyz"[rng.integers(3)],
            "sequence": None,
            "amount": float(rng.normal() * 10 ** rng.integers(0, 6)),
        }
        for i in range(120)
    ]
    observed = observed_range(base_us, (-100, 1000))

    def run(chosen: list[Row]) -> list[dict[str, Any]]:
        histories = histories_of(chosen, generator.fields(), generator.settings())
        return in_one_order(plain(slice_histories(generator, histories, observed)))

    together = run(rows)
    alone = [
        run([r for r in rows if r["who"] == who]) for who in {r["who"] for r in rows}
    ]
    assert together == in_one_order([e for own in alone for e in own])


def test_the_edges_of_the_observed_range_and_of_windows(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    """One history by hand: x at hours 0, 10, 20, 30; a day's horizon."""

    class NextDay(Generator):
        cutoffs = each(event("x"))
        label = future(hours=10).any(event("x"))
        instance = Instance(types=("x",), fields=[Hash("type")])
        statistics = {"recent": past(hours=10).count(event("x"))}

    rows = [{"uid": i, "who": "a", "t": 10 * i, "type": "x"} for i in range(4)]
    histories = histories_of(rows)
    slices = slice_histories(NextDay(), histories, observed_range(base_us, (10, 30)))
    # Hour 0 lies before the range, hour 30 ends after it; at 20 the window [20, 30)
    # just fits, and the event of hour 30 is just outside it.
    assert [(e["past"], e["label"], e["recent"]) for e in plain(slices)] == [
        ((0, 1), 0.0, 2.0),
        ((0, 1, 2), 0.0, 2.0),
    ]
    assert slices.counts["cutoffs.dropped.censored"] == 2


def test_a_session_is_observed_only_until_its_last_event_and_the_gap(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    class Ends(Generator):
        session = InactivityGap(hours=5)
        cutoffs = each(event("x"))
        label = rest_of_session().any(event("y"))
        instance = Instance(types=("x",), fields=[Hash("type")])

    rows = [{"uid": 0, "who": "a", "t": 1, "type": "x"}]
    rows += [{"uid": 1, "who": "a", "t": 4, "type": "y"}]
    rows += [{"uid": 2, "who": "b", "t": 5, "type": "x"}]
    histories = histories_of(rows, None, Ends().settings())

    def labels(until: float) -> dict[str, float]:
        observed = ObservedRange(base_us, base_us + int(until * HOUR_US))
        found = plain(slice_histories(Ends(), histories, observed))
        return {e["who"]: e["label"] for e in found}

    assert labels(9) == {}
    assert labels(9.01) == {"a": 1.0}
    assert labels(10.01) == {"a": 1.0, "b": 0.0}


def test_a_label_that_is_given_does_not_change_as_more_is_observed(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    """An event exactly the gap after the last one lies in the same session."""

    class Ends(Generator):
        session = InactivityGap(minutes=30)
        cutoffs = each(event("x"))
        label = rest_of_session().any(event("y"))
        instance = Instance(types=("x",), fields=[Hash("type")])

    rows = [{"uid": 0, "who": "a", "t": 23.5, "type": "x"}]
    rows += [{"uid": 1, "who": "a", "t": 24, "type": "y"}]

    def labels(until: float) -> list[float]:
        histories = histories_of(
            [row for row in rows if row["t"] < until], None, Ends().settings()
        )
        observed = ObservedRange(base_us, base_us + int(until * HOUR_US))
        return [e["label"] for e in plain(slice_histories(Ends(), histories, observed))]

    assert labels(24) == []
    assert labels(48) == [1.0]


def test_a_session_known_late_is_the_same_whatever_comes_after(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    """An event received long after it happened still lies in its own session."""

    class Late(Generator):
        session = InactivityGap(hours=1)
        cutoffs = each(event("x"))
        label = future(hours=1).any(event("y"))
        instance = Instance(types=("x",), fields=[Hash("type")])
        statistics = {"here": in_session().count(event("x"))}

    first = {"uid": 0, "who": "a", "t": 0, "received": 3, "type": "x"}
    then = {"uid": 1, "who": "a", "t": 0.5, "received": 0.5, "type": "y"}
    found = [
        plain(
            slice_histories(
                Late(),
                histories_of(rows, None, Late().settings()),
                observed_range(base_us, (-10, 99)),
            )
        )[0]["here"]
        for rows in ([first], [first, then])
    ]
    assert found == [1.0, 1.0]


def test_an_expression_that_gives_text_is_no_statistic(
    histories_of: Any, base_us: int
) -> None:
    class Texts(Generator):
        cutoffs = each(event("x"))
        label = future(hours=1).any(event("x"))
        instance = Instance(types=("x",), fields=[Hash("type")])
        statistics = {"color": past().last("color")}

    rows = [{"uid": 0, "who": "a", "t": 0, "type": "x", "color": "red"}]
    with pytest.raises(
        GeneratorError, match=r"statistic 'color' to give a number.*text"
    ):
        slice_histories(Texts(), histories_of(rows), observed_range(base_us, (-10, 99)))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (future(hours=1).sum("color", event("x")) > 1, "sum\\(\\) adds numbers"),
        (future(hours=1).any(event("x", color=gt(1))), "the field is text"),
        (future(hours=1).any(event("x", amount=prefix("a"))), "holds numbers"),
        (future(hours=1).any(event("x", amount="1.25")), "holds numbers"),
        (future(hours=1).any(event("x", nothing=1)), "do not have"),
        (future(hours=1).sum("nothing", event("x")) >= 1, "do not have"),
        (future(hours=1).any(event("x", amount=ge(1), nothing=1)), "do not have"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(
    label: Any, message: str, histories_of: Any, base_us: int
) -> None:
    made = type(
        "Wrong",
        (Generator,),
        {
            "cutoffs": each(event("x")),
            "label": label,
            "instance": Instance(types=("x",), fields=[Hash("type")]),
        },
    )
    rows = [{"uid": 0, "who": "a", "t": 0, "type": "x", "color": "red", "amount": 1.0}]
    with pytest.raises(GeneratorError, match=message):
        slice_histories(made(), histories_of(rows), observed_range(base_us, (-10, 99)))


@pytest.mark.parametrize("kind", RULES)
@settings(max_examples=100, phases=[Phase.generate])
@given(rng=st.randoms(use_true_random=True))
def test_dimension_rows_change_no_example(
    kind: str, rng: Random, histories_of: Any, plain: Any, base_us: int
) -> None:
    rows, question = some_rows(rng), some_question(rng, kind)
    known = [
        {
            "uid": -1 - place,
            "who": rng.choice("aabcd"),
            "t": rng.choice([-700_000, -50, rng.randint(0, 80), rng.randint(0, 15)]),
            "received": rng.choice([None, None, 10, 90]),
            "type": rng.choice(["dimension.plans", "dimension.countries"]),
            "sequence": rng.choice([None, 1]),
            "source": "s2",
            "row": place,
        }
        for place in range(rng.choice([1, 3, 8]))
    ]
    generator = zap_generator(question)
    observed = observed_range(base_us, question["observed"])

    def run(given: list[Row]) -> tuple[list[dict[str, Any]], Counter[str]]:
        histories = histories_of(given, generator.fields(), generator.settings())
        slices = slice_histories(generator, histories, observed)
        examples = plain(slices)
        for example in examples:
            for side in ("past", "future"):
                example[side] = tuple(uid for uid in example[side] if uid >= 0)
        # Rows that come late are counted whatever they are, for each cutoff.
        counts = Counter({n: c for n, c in slices.counts.items() if n != "events.late"})
        return in_one_order(examples), +counts

    assert run(rows + known) == run(rows), (question, rows, known)


def test_a_named_dimension_is_a_cutoff_and_a_trait(
    histories_of: Any, plain: Any, base_us: int
) -> None:
    def row(who: str, hour: float, kind: str, color: str | None = None) -> Row:
        return {"uid": hour, "who": who, "t": hour, "type": kind, "color": color}

    class Plans(Generator):
        """Whether the plan is red at a change of it or at a view."""

        cutoffs = each(event("x", "dimension.plans"))
        horizon = future(hours=1)
        label = future(hours=1).any(event("y"))
        statistics: ClassVar[Any] = {
            "red": past().last("color").equals("red"),
            "count": past().count(),
            "rows": past().count(event("dimension.plans")),
        }
        instance = Instance(types=["x"], fields=[Hash("type")])

    rows = [
        row("a", 1, "dimension.plans", "red"),  # nothing was done yet: no cutoff
        row("a", 2, "x"),
        row("a", 3, "dimension.plans", "blue"),
        row("a", 4, "x"),
        row("b", 1, "dimension.plans", "red"),
    ]
    histories = histories_of(rows, {"color"}, Plans().settings())
    slices = slice_histories(Plans(), histories, observed_range(base_us, (0, 100)))
    found = [(e["past"][-1], e["red"], e["count"], e["rows"]) for e in plain(slices)]
    assert found == [(2, 1.0, 1.0, 1.0), (3, 0.0, 1.0, 2.0), (4, 0.0, 2.0, 2.0)]

"""Aggregates of batches against loops over single events.

Amounts are quarters, so that sums in millionths are exact and the loops may use exact
fractions. Odd floats are compared with the same subject alone: equal to the bit.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import DAY_US, HOUR_US, OF_DAYS, Event

from zap.encoding import aggregates, measures
from zap.encoding.aggregates import Aggregates, measured, windows
from zap.encoding.blocks import blocks
from zap.encoding.columns import (
    MISSING,
    Categorical,
    Cutoffs,
    FlatHistories,
    FloatArray,
    Numeric,
)
from zap.encoding.dimensions import activity_mask
from zap.encoding.fit import fit
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import (
    Gap,
    Measured,
    Summary,
    distinct,
    gap,
    maximum,
    mean,
    minimum,
)
from zap.encoding.sketching import sketch_instance
from zap.errors import EncodingError

EVERY = [*OF_DAYS, gap("minimum"), gap("maximum")]


def histories_of(amounts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    event = st.fixed_dictionaries(
        {
            "timestamp": st.integers(-30, 120).map(
                lambda hour: hour * HOUR_US * 2 // 3
            ),
            "type": st.sampled_from(["view", "buy", "dimension.plan"]),
            "page": st.sampled_from([None, "x", "y", "z", ("x", "y")]),
            "amount": amounts,
        }
    )
    past = st.lists(event, max_size=12)
    return st.lists(
        past.map(lambda events: sorted(events, key=lambda e: e["timestamp"])),
        min_size=1,
        max_size=4,
    )


QUARTERS = st.none() | st.integers(-12, 12).map(lambda n: n / 4)
ODD = st.sampled_from(
    [None, 0.1, 0.2, 1e-7, -0.0, 0.0, 1e9, 9e15, -1e120, math.inf, -math.inf, 3.3]
)


def flat(subjects: list[list[Event]]) -> FlatHistories:
    events = [event for subject in subjects for event in subject]

    def texts(name: str) -> Categorical:
        distinct_values = ["unused", *dict.fromkeys(e[name] for e in events)]
        codes = [
            MISSING if e[name] is None else distinct_values.index(e[name])
            for e in events
        ]
        return Categorical(np.array(codes, np.int32), distinct_values)

    amounts = [math.nan if e["amount"] is None else e["amount"] for e in events]
    return FlatHistories(
        np.cumsum([0, *map(len, subjects)]),
        np.array([e["timestamp"] for e in events], np.int64),
        {
            "type": texts("type"),
            "page": texts("page"),
            "amount": Numeric(np.array(amounts, np.float64)),
        },
    )


def all_cutoffs(subjects: list[list[Event]], later_us: int) -> Cutoffs:
    """Every position of every subject, a while after its last event."""
    found, offset = [], 0
    for row, events in enumerate(subjects):
        for k in range(len(events) + 1):
            latest = events[k - 1]["timestamp"] if k else 0
            found.append((row, offset + k, latest + later_us))
        offset += len(events)
    return Cutoffs(*np.array(found, np.int64).T)


def numbers_of(
    given: Aggregates, subjects: list[list[Event]], later_us: int, types: Any = None
) -> FloatArray:
    histories = flat(subjects)
    kept = activity_mask(histories.columns["type"])
    return measured(given, histories, all_cutoffs(subjects, later_us), kept, types)


def expected(of: Measured, past: list[Event], since: int, until: int | None) -> float:
    """One number by a loop.

    Args:
        of: the measure.
        past: all events that count, in order.
        since: the beginning of the window.
        until: its end, or None.
    """
    here = [
        place
        for place, event in enumerate(past)
        if since <= event["timestamp"] and (until is None or event["timestamp"] < until)
    ]
    if of == "count":
        return len(here)
    if isinstance(of, Gap):
        values = [
            Fraction(past[i]["timestamp"] - past[i - 1]["timestamp"], 10**6)
            for i in here
            if i
        ]
        return statistic(of.statistic, values)
    field = of.field if isinstance(of, Summary) else of
    found = [past[i][field] for i in here if past[i][field] is not None]
    if isinstance(of, Summary) and of.kind == "distinct":
        return len(set(found))
    if isinstance(of, Summary):
        return statistic(of.kind, [Fraction(value) for value in found])
    return float(sum(found))


def statistic(kind: str, values: list[Fraction]) -> float:
    if not values:
        return math.nan
    total = sum(values)
    mean_value = Fraction(float(total)) / len(values)
    found = {"sum": total, "mean": mean_value, "minimum": min(values)}
    return float({**found, "maximum": max(values)}[kind])


@pytest.mark.parametrize("whole_days", [False, True])
@pytest.mark.parametrize("types", [None, ["buy", "never"]])
@given(
    subjects=histories_of(QUARTERS),
    later_us=st.sampled_from([0, 1, HOUR_US, 2 * DAY_US, 40 * DAY_US]),
)
@settings(max_examples=60, deadline=None)
def test_every_measure_is_that_of_a_loop(
    types: list[str] | None,
    whole_days: bool,
    subjects: list[list[Event]],
    later_us: int,
) -> None:
    days = [1, 2, 28] if whole_days else [1 / 24, 1, 2, 28]
    of = OF_DAYS if whole_days else EVERY
    given_windows = windows(days, of=of, change=True, whole_days=whole_days)
    found = numbers_of(given_windows, subjects, later_us, types)
    assert found.shape[1:] == (len(days) * len(of) * 2, len(types or [1]))
    cutoffs, row = all_cutoffs(subjects, later_us), 0
    for events in subjects:
        for k in range(len(events) + 1):
            instant = int(cutoffs.instant_us[row])
            for t, kind in enumerate(types or [None]):
                past = [e for e in events[:k] if not e["type"].startswith("dim")]
                past = [e for e in past if kind in (None, e["type"])]
                for m, (length, measure, change) in enumerate(given_windows.measures):
                    since = instant - round(length * DAY_US)
                    if whole_days:
                        since = instant // DAY_US * DAY_US - (int(length) - 1) * DAY_US
                    number = expected(measure, past, since, None)
                    if change:
                        earlier = since - round(length * DAY_US)
                        number -= expected(measure, past, earlier, since)
                    assert found[row, m, t] == pytest.approx(number, 0, 0, True)
            row += 1


@pytest.mark.parametrize("whole_days", [False, True])
@given(subjects=histories_of(ODD | st.floats(-1e9, 1e9)))
@settings(max_examples=60, deadline=None)
def test_a_number_does_not_depend_on_what_else_is_in_the_batch(
    whole_days: bool, subjects: list[list[Event]]
) -> None:
    of = OF_DAYS if whole_days else EVERY
    given_windows = windows([1, 3], of=of, change=True, whole_days=whole_days)
    together = numbers_of(given_windows, subjects, HOUR_US)
    alone = [numbers_of(given_windows, [subject], HOUR_US) for subject in subjects]
    assert together.tobytes() == np.concatenate(alone).tobytes()


def test_distinct_values_are_counted_up_to_a_limit() -> None:
    events = [
        {"timestamp": i, "type": "view", "page": str(i), "amount": None}
        for i in range(measures.MOST_DISTINCT + 7)
    ]
    found = numbers_of(windows([1], of=[distinct("page")]), [events], 0)
    assert found[-10:, 0, 0].tolist() == [*range(998, 1000), *[1000] * 8]


def test_a_mean_needs_numbers() -> None:
    events = [{"timestamp": 0, "type": "view", "page": "x", "amount": 1.0}]
    for of in (mean("page"), minimum("page"), maximum("page")):
        with pytest.raises(EncodingError, match="need numbers"):
            numbers_of(windows([1], of=[of]), [events], 0)
    with pytest.raises(EncodingError, match="fields that the events have"):
        numbers_of(windows([1], of=[distinct("nowhere")]), [events], 0)


def test_scales_are_fitted_and_signed_where_numbers_fall_below_zero() -> None:
    subjects = [
        [
            {"timestamp": i * HOUR_US, "type": "view", "page": "x", "amount": i - 5.0}
            for i in range(20)
        ]
    ]
    of = [mean("amount"), maximum("amount"), gap(), distinct("page")]
    instance = Instance(types=ANY, aggregates=windows([2], of=of, change=True))
    histories, cutoffs = flat(subjects), all_cutoffs(subjects, 0)
    (fitted,) = fit(
        instance, sketch_instance(instance, histories, cutoffs)
    ).all_aggregates
    assert fitted.scales is not None
    signed = [scale.signed for scale in fitted.scales]
    assert signed == [True, True, True, True, False, True, False, True]
    assert [scale.size for scale in fitted.scales[::2]] == [5, 15, 4000, 1]


@given(
    subjects=histories_of(QUARTERS),
    size=st.integers(1, 20),
    picked=st.lists(st.integers(0, 100), max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_blocks_of_subjects_and_the_order_of_cutoffs_change_nothing(
    subjects: list[list[Event]], size: int, picked: list[int]
) -> None:
    histories, cutoffs = flat(subjects), all_cutoffs(subjects, 0)
    chosen = np.array(picked, np.int64) % len(cutoffs)
    kept = activity_mask(histories.columns["type"])
    given_windows = windows([1, 3], of=EVERY, change=True)
    whole = measured(given_windows, histories, cutoffs, kept, ["buy", "view"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregates, "blocks", partial(blocks, size=size))
        some = cutoffs.select(chosen)
        found = measured(given_windows, histories, some, kept, ["buy", "view"])
    assert found.tobytes() == whole[chosen].tobytes()


def test_nothing_at_all() -> None:
    nobody = FlatHistories(
        np.zeros(1, np.int64),
        np.zeros(0, np.int64),
        {"type": flat([[]]).columns["type"]},
    )
    none = Cutoffs(*np.zeros((3, 0), np.int64))
    found = measured(windows([1, 7]), nobody, none, np.zeros(0, np.bool_), None)
    assert found.shape == (0, 2, 1)

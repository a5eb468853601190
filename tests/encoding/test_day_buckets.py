"""Windows told from day buckets are those told from all events, to the byte.

Events come in any order, over several buckets that are merged in any order, some of
which went through JSON and have dropped old days already.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import DAY_US, HOUR_US, OF_DAYS, Event

from zap.encoding import day_partial
from zap.encoding.aggregates import Aggregates, Scale, measured
from zap.encoding.bucket_plan import BucketPlan
from zap.encoding.bucketed import bucketed
from zap.encoding.columns import FloatArray, SparseRows
from zap.encoding.day_buckets import DayBuckets
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import (
    MOST_DISTINCT,
    Measured,
    distinct,
    gap,
    mean,
)
from zap.encoding.metadata import Last
from zap.encoding.rows import kept_mask
from zap.encoding.single import one_cutoff, one_history
from zap.errors import EncodingError


def fitted(days: list[float], of: list[Measured], **more: Any) -> Aggregates:
    """Scales so wide and fine that no two numbers of these tests share a value."""
    count = len(Aggregates(days, of, change=True).measures)
    scales = [Scale(1e13, True)] * count
    return Aggregates(days, of, change=True, scales=scales, **more)


def instance_of(types: Any) -> Instance:
    return Instance(
        types=types,
        last=2,
        fields=[Hash("page"), SincePrevious(1800, 7200, 86400, 12)],
        metadata=[Last("page", Hash("page"))],
        aggregates=[
            fitted([1, 2, 5], OF_DAYS, whole_days=True),
            fitted([3], OF_DAYS, by="type", types=["buy", "view"], whole_days=True),
            fitted([1 / 24, 1], ["count", "amount", mean("amount")]),
        ],
        hash_buckets=8,
        metadata_buckets=4,
    )


ENCODERS = [Encoder(instance_of(types)) for types in (ANY, ["view", "buy"])]
AMOUNTS = st.sampled_from(
    [None, 0.1, 0.2, 3, -0.0, 0, 1e9, 9e15, -1e120, float("inf"), 1e-7, 2**60]
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.integers(-60, 160).map(lambda hour: hour * HOUR_US),
            "type": st.sampled_from(["view", "buy", "other", "dimension.plan"]),
            "page": st.sampled_from([None, "x", "y", "1", ("x", "y"), "ü", "\ud800"]),
            "amount": AMOUNTS | st.floats(-100, 100),
        }
    ),
    max_size=20,
).map(lambda events: sorted(events, key=lambda event: event["timestamp"]))


def equal(left: EncodedInstance, right: EncodedInstance) -> bool:
    return all(same_rows(getattr(left, n), getattr(right, n)) for n in vars(left))


def same_rows(left: SparseRows, right: SparseRows) -> bool:
    return all(
        getattr(left, name).tobytes() == getattr(right, name).tobytes()
        for name in ("offsets", "indices", "values")
    )


def recent(encoder: Encoder, events: list[Event], instant: int) -> list[Event]:
    """What a store with day buckets keeps of the events."""
    reads = encoder.instance.reads
    since = instant - reads.beside_buckets_days * DAY_US
    plan = reads.buckets
    assert plan is not None
    kept = [i for i, e in enumerate(events) if plan.group(e["type"]) is not None]
    with_page = [i for i in kept if events[i]["page"] is not None]
    needed = {*kept[-reads.events :], *with_page[-1:]}
    needed |= {i for i in kept if events[i]["timestamp"] >= since}
    return [events[i] for i in sorted(needed)]


def from_events(
    aggregates: Aggregates, encoder: Encoder, events: list[Event], instant: int
) -> FloatArray:
    """The numbers of a batch, before they become values."""
    histories = one_history(events, encoder.instance.reads.fields)
    cutoffs = one_cutoff(events, histories, instant)
    kept = kept_mask(encoder.instance, histories)
    types = aggregates.types if aggregates.by else None
    return measured(aggregates, histories, cutoffs, kept, types)


def through_json(buckets: DayBuckets) -> DayBuckets:
    data = json.loads(json.dumps(buckets.to_dict(), allow_nan=False))
    return DayBuckets.from_dict(data, buckets.plan)


@pytest.mark.parametrize("encoder", ENCODERS, ids=["any", "named"])
@given(events=EVENTS, later_us=st.integers(0, 80), data=st.data())
@settings(max_examples=150, deadline=None)
def test_buckets_and_recent_events_encode_as_the_whole_past(
    encoder: Encoder, events: list[Event], later_us: int, data: st.DataObject
) -> None:
    latest = events[-1]["timestamp"] if events else 0
    instant = latest + later_us * HOUR_US
    parts = [DayBuckets.of(encoder.instance) for _ in range(3)]
    for event in data.draw(st.permutations(events)):
        part = data.draw(st.integers(0, 2))
        parts[part].add(event)
        action = data.draw(st.sampled_from(["", "", "drop", "json"]))
        if action == "drop":
            parts[part].drop(data.draw(st.integers(instant - 9 * DAY_US, instant)))
        if action == "json":
            parts[part] = through_json(parts[part])
    first, second, third = data.draw(st.permutations(parts))
    buckets = first.merge(second).merge(third)
    assert buckets.to_dict() == third.merge(second.merge(first)).to_dict()
    expected = encoder.encode_instance(events, instant)
    assert equal(expected, encoder.encode_as_batch(events, instant))
    online = encoder.encode_instance(recent(encoder, events, instant), instant, buckets)
    assert equal(online, expected)
    for each in encoder.instance.all_aggregates[:2]:
        told = bucketed(each, buckets, instant)
        assert np.array_equal(told, from_events(each, encoder, events, instant), True)
    buckets.drop(instant)
    assert equal(
        encoder.encode_instance(recent(encoder, events, instant), instant, buckets),
        expected,
    )
    assert len(buckets.days) <= 10


@given(events=EVENTS, data=st.data())
def test_the_order_of_events_and_merges_changes_nothing(
    events: list[Event], data: st.DataObject
) -> None:
    instance = ENCODERS[0].instance
    straight, parts = DayBuckets.of(instance), [DayBuckets.of(instance)]
    for event in events:
        straight.add(event)
    for event in data.draw(st.permutations(events)):
        if data.draw(st.booleans()):
            parts.append(DayBuckets.of(instance))
        parts[-1].add(event)
    joined = DayBuckets.of(instance)
    for part in data.draw(st.permutations(parts)):
        before = joined.to_dict(), part.to_dict()
        merged = joined.merge(part)
        assert (joined.to_dict(), part.to_dict()) == before
        joined = merged
    assert joined.to_dict() == straight.to_dict()


def test_no_event_at_all() -> None:
    encoder = ENCODERS[0]
    buckets = DayBuckets.of(encoder.instance)
    found = encoder.encode_instance([], 5 * DAY_US, buckets)
    assert equal(found, encoder.encode_as_batch([], 5 * DAY_US))


def test_a_late_event_splits_a_gap_of_its_day() -> None:
    of: list[Measured] = [gap("sum"), gap()]
    instance = Instance(types=ANY, aggregates=fitted([1], of, whole_days=True))
    encoder = Encoder(instance)
    events = [
        {"timestamp": hour * HOUR_US, "type": "view"} for hour in (-40, 1, 2, 5, 9)
    ]
    buckets = DayBuckets.of(instance)
    for place in (0, 4, 1, 3, 2):
        buckets.add(events[place])
    buckets.drop(10 * HOUR_US)
    assert list(buckets.days) == [0] and buckets.before == {0: -40 * HOUR_US}
    found = encoder.encode_instance(events[-1:], 10 * HOUR_US, buckets)
    expected = encoder.encode_as_batch(events, 10 * HOUR_US)
    assert same_rows(found.metadata, expected.metadata)


def test_many_distinct_values_are_bounded() -> None:
    instance = Instance(
        types=ANY, aggregates=fitted([1, 2], [distinct("page")], whole_days=True)
    )
    encoder = Encoder(instance)
    events = [
        {"timestamp": i * HOUR_US // 100, "type": "view", "page": f"{i % 1700}"}
        for i in range(3600)
    ]
    buckets, other = DayBuckets.of(instance), DayBuckets.of(instance)
    for place, event in enumerate(events):
        (other if place % 3 else buckets).add(event)
    merged = through_json(buckets.merge(other))
    assert merged.to_dict() == other.merge(buckets).to_dict()
    held = [
        part.hashes[0] for groups in merged.days.values() for part in groups.values()
    ]
    assert [len(hashes) for hashes in held] == [MOST_DISTINCT, MOST_DISTINCT]
    for instant in (36 * HOUR_US, 50 * HOUR_US, 100 * HOUR_US):
        found = encoder.encode_instance(events[-40:], instant, merged)
        assert equal(found, encoder.encode_as_batch(events, instant))


def test_sums_beyond_64_bits_are_those_of_a_batch() -> None:
    """They wrap around; a batch knows no longer numbers."""
    of: list[Measured] = ["amount", mean("amount")]
    instance = Instance(types=ANY, aggregates=fitted([1], of, whole_days=True))
    encoder, buckets = Encoder(instance), DayBuckets.of(instance)
    events = [{"timestamp": i, "type": "x", "amount": 9e9} for i in range(1030)]
    for event in events:
        buckets.add(event)
    found = encoder.encode_instance(events[-40:], DAY_US - 1, buckets)
    assert equal(found, encoder.encode_as_batch(events, DAY_US - 1))


def test_what_an_event_may_hold() -> None:
    instance = ENCODERS[1].instance
    buckets = DayBuckets.of(instance)
    moment = datetime(1970, 1, 2, 3, tzinfo=UTC)
    assert buckets.add({"timestamp": moment, "type": "view", "amount": True})
    assert buckets.add({"timestamp": moment, "type": "buy", "amount": float("nan")})
    assert not buckets.add({"timestamp": moment, "type": "other"})
    (groups,) = buckets.days.values()
    totals = [part.numbers[0] for _, part in sorted(groups.items())]
    assert totals == [None, day_partial.NumberPart(1, 10**6, 1.0, 1.0)]


PLAN = BucketPlan(days=2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda b: b.add({"timestamp": 0}), "needs a type"),
        (lambda b: b.add({"type": "view"}), "timestamp must be whole"),
        (
            lambda b: b.add({"timestamp": 0, "type": "view", "amount": "much"}),
            "'amount' holds text",
        ),
        (
            lambda b: b.add({"timestamp": 0, "type": "view", "page": {}}),
            "must be text, a number",
        ),
        (lambda b: b.merge(DayBuckets(PLAN)), "of one plan"),
        (lambda b: DayBuckets.from_dict(b.to_dict(), PLAN), "and plan"),
        (lambda b: DayBuckets.from_dict({}, b.plan), "format=None"),
        (
            lambda b: ENCODERS[0].encode_instance([], 0, DayBuckets(PLAN)),
            "those that Instance.reads asks for",
        ),
        (lambda b: DayBuckets.of(Instance(types=ANY, fields=[Hash("a")])), "whole_day"),
        (
            lambda b: [b.drop(50 * DAY_US), ENCODERS[0].encode_instance([], 0, b)],
            "last drop",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    make: Callable[[DayBuckets], Any], said: str
) -> None:
    buckets = DayBuckets.of(ENCODERS[0].instance)
    before = buckets.to_dict()["days"]
    with pytest.raises(EncodingError, match=said):
        make(buckets)
    assert buckets.to_dict()["days"] == before


def test_a_batch_has_windows_of_whole_days_too() -> None:
    """From midnight: today, and today with yesterday."""
    given = Aggregates([1, 2], scales=[(9, False)] * 2, whole_days=True)
    encoder = Encoder(Instance(types=ANY, aggregates=given))
    hours = [-1, 0, 23, 24, 47]
    events = [{"timestamp": hour * HOUR_US, "type": "view"} for hour in hours]
    found = encoder.encode_as_batch(events, 47 * HOUR_US).metadata
    counts = np.rint(np.exp(found.values.astype(float) * np.log(10)) - 1)
    assert counts.tolist() == [2, 4]

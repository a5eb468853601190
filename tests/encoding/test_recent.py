"""What a server would hold of a past gives the bytes that the batch has of it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import (
    HOUR_US,
    INSTANCE,
    SUBJECTS,
    Event,
    all_cutoffs,
    flat,
    pasts,
    retained,
)

from zap.encoding.aggregates import Aggregates
from zap.encoding.encoder import Encoder
from zap.encoding.instance import Instance
from zap.encoding.measures import distinct, gap, mean
from zap.encoding.recent import of_subjects, recent_events

SHORT_GAPS = Aggregates(
    [1 / 24, 1], of=["count", gap(), gap("sum")], scales=[(9_999, False)] * 6
)
# Nothing but the windows asks for what lies before them.
SHORT = dataclasses.replace(
    INSTANCE, last=1, fields=INSTANCE.fields[:1], metadata=(), wait=False
)
WITHOUT = [
    INSTANCE,
    dataclasses.replace(SHORT, aggregates=SHORT_GAPS),
    dataclasses.replace(
        SHORT,
        aggregates=dataclasses.replace(SHORT_GAPS, by="type", types=["buy", "view"]),
    ),
    dataclasses.replace(INSTANCE, aggregates=None),
    dataclasses.replace(INSTANCE, metadata=(), wait=False, aggregates=None),
    dataclasses.replace(INSTANCE, fields=INSTANCE.fields[:1], lookback_days=None),
    dataclasses.replace(
        INSTANCE,
        last=1,
        aggregates=[
            Aggregates([1 / 24], [gap(), gap("maximum")], scales=[(9e9, False)] * 2),
            Aggregates(
                [1],
                [gap(), mean("amount"), distinct("page")],
                by="type",
                types=["buy", "view"],
                scales=[(9e9, False)] * 3,
                whole_days=True,
            ),
        ],
    ),
]


@settings(max_examples=60)
@given(SUBJECTS, st.sampled_from(WITHOUT), st.sampled_from([0, HOUR_US, 30 * HOUR_US]))
def test_recent_events_are_encoded_as_the_batch_is(
    subjects: list[list[Event]], instance: Instance, later_us: int
) -> None:
    encoder, histories = Encoder(instance), flat(subjects)
    cutoffs = all_cutoffs(subjects, later_us)
    kept, start, stop = encoder.windows(histories, cutoffs)
    told = recent_events(instance, histories, cutoffs)
    whole = pasts(subjects, cutoffs)
    for c, (events, (past, instant)) in enumerate(zip(told, whole, strict=True)):
        through_json = json.loads(json.dumps(events))
        one = encoder.encode_instance(through_json, instant)
        assert one.digest == encoder.encode_instance(past, instant).digest
        rows = kept[start[c] : stop[c]]
        own = encoder.encode_events(histories, rows)
        assert one.events.indices.tolist() == own.indices.tolist()
        assert {*events[0]} <= {"timestamp", *instance.reads.fields} if events else True


@given(SUBJECTS, st.sampled_from([0, 30 * HOUR_US]))
def test_nothing_more_is_told_than_reads_asks_for(
    subjects: list[list[Event]], later_us: int
) -> None:
    cutoffs = all_cutoffs(subjects, later_us)
    told = recent_events(INSTANCE, flat(subjects), cutoffs)
    for events, (past, instant) in zip(told, pasts(subjects, cutoffs), strict=True):
        # Of a window without its last event in lookback a store holds no less.
        allowed = [past[row]["timestamp"] for row in sorted(retained(past, instant))]
        assert {event["timestamp"] for event in events} <= {*allowed}


@given(SUBJECTS, st.data())
def test_the_histories_of_few_subjects_hold_the_same_pasts(
    subjects: list[list[Event]], data: st.DataObject
) -> None:
    histories, cutoffs = flat(subjects), all_cutoffs(subjects, HOUR_US)
    chosen = data.draw(st.sets(st.integers(0, len(cutoffs) - 1), min_size=1))
    some = cutoffs.select(np.array(sorted(chosen)))
    few, there = of_subjects(histories, some)
    assert few.subjects == len(set(some.subject.tolist()))
    before = recent_events(INSTANCE, histories, some)
    assert recent_events(INSTANCE, few, there) == before


def test_a_digest_tells_any_two_instances_apart() -> None:
    encoder = Encoder(INSTANCE)
    event = {"timestamp": 0, "type": "view", "page": "x", "amount": 3.0}
    found = {
        encoder.encode_instance(events, HOUR_US).digest
        for events in ([], [event], [event] * 2, [{**event, "amount": 3.5}])
    }
    assert len(found) == 4

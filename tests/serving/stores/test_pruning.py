"""What a store has dropped changes no answer: against the whole past."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import HOUR_US
from made_stores import (
    EVENTS,
    INSTANCES,
    SEQUENCE,
    Clock,
    Event,
    in_memory,
    in_order,
    known,
)

from zap.encoding.encoder import Encoder
from zap.encoding.recent import recent_events
from zap.encoding.single import one_cutoff, one_history
from zap.serving.stores.document import MAX_DOCUMENT_BYTES, decode
from zap.serving.stores.need import Need

NEEDS = {name: Need.of(each, "anonymous_id") for name, each in INSTANCES.items()}
ENCODERS = {name: Encoder(each) for name, each in INSTANCES.items()}


def received(event: Event, number: int, now_us: int) -> Event:
    """The event as the store takes it to be, with an id."""
    at = now_us if event["received_at"] is None else event["received_at"]
    return {**event, "event_id": f"e{number}", "received_at": at}


def resent(event: Event, now_us: int) -> Event:
    """The event sent again: it is received anew, and later than before."""
    return {**event, "received_at": max(event["received_at"], now_us)}


@settings(max_examples=60)
@given(
    st.lists(st.lists(EVENTS, min_size=1, max_size=4), max_size=7),
    st.sets(st.sampled_from(sorted(NEEDS)), min_size=1, max_size=3),
    st.sampled_from([0, 2 * HOUR_US]),
    st.lists(st.integers(0, 90), min_size=1, max_size=3),
    st.data(),
)
def test_a_pruned_past_is_encoded_as_the_whole_past(
    batches: list[list[Event]],
    live: set[str],
    slack_us: int,
    asked: list[int],
    data: st.DataObject,
) -> None:
    clock = Clock()
    store = in_memory(clock, *(NEEDS[name] for name in live), slack_us=slack_us)
    whole: list[Event] = []
    pruned_us: dict[str, int] = {}
    latest_us = -(10**18)
    for batch in batches:
        # Time goes on, also by less than events are late; old events come again.
        clock.now_us += data.draw(st.sampled_from([0, 1, 4, 20])) * HOUR_US
        made = [
            received(event, len(whole) + i, clock.now_us)
            for i, event in enumerate(batch)
        ]
        whole += made
        pruned_us |= {event["event_id"]: latest_us for event in made}
        again = data.draw(st.lists(st.sampled_from(whole), max_size=2))
        anew = data.draw(st.booleans())
        store.append([*made, *(resent(e, clock.now_us) if anew else e for e in again)])
        latest_us = clock.now_us - slack_us
    for half_hours in asked:
        now_us = clock.now_us + half_hours * HOUR_US // 2
        seen = in_order([event for event in whole if known(event) <= now_us])
        for name in live:
            past = store.past("a", NEEDS[name], now_us)
            assert_same(name, seen, past.events, now_us)
            # An instant that lay before what was pruned when its event came in late is
            # none that a store can still answer for.
            if past.instant_us is not None:
                look = NEEDS[name].one
                last = next(e for e in reversed(past.events) if look.keeps(e["type"]))
                assert past.instant_us == known(last)
                if past.instant_us >= pruned_us[last["event_id"]]:
                    assert_same(name, seen, past.events, past.instant_us)


def assert_same(name: str, whole: list[Event], kept: list[Event], at_us: int) -> None:
    encoder = ENCODERS[name]
    expected = encoder.encode_instance(whole, at_us)
    assert encoder.encode_instance(kept, at_us).digest == expected.digest


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=12), st.sampled_from(sorted(NEEDS)))
def test_a_past_is_what_a_batch_would_tell(events: list[Event], name: str) -> None:
    clock = Clock(100 * HOUR_US)
    store = in_memory(clock, NEEDS[name])
    made = [received(e, i, e["timestamp"]) for i, e in enumerate(events)]
    ordered = in_order([e for e in made if known(e) <= clock.now_us])
    store.append(made)
    past = store.past("a", NEEDS[name], clock.now_us)
    instance = INSTANCES[name]
    instant = clock.now_us if instance.wait else past.instant_us
    if instant is None:
        return
    history = one_history(ordered, instance.reads.fields)
    (told,) = recent_events(instance, history, one_cutoff(ordered, history, instant))
    kept = [event["timestamp"] for event in past.events]
    assert {event["timestamp"] for event in told} <= {*kept}


def test_nothing_is_kept_that_nothing_looks_at() -> None:
    clock = Clock(1000 * HOUR_US)
    store = in_memory(clock, NEEDS["long sequence"])
    for hour in range(1000):
        store.append([plain(hour)])
    past = store.past("a", NEEDS["long sequence"], clock.now_us)
    assert [e["timestamp"] // HOUR_US for e in past.events] == [997, 998, 999]
    (held,) = store._backend.get(["anonymous_id:a"])
    assert held is not None
    assert len(decode(held.data, 0)[0].events) == 3


def test_nothing_is_kept_beyond_the_lookback() -> None:
    instance = dataclasses.replace(SEQUENCE, last=100, lookback_days=1)
    need, clock = Need.of(instance, "anonymous_id"), Clock(0)
    store = in_memory(clock, need)
    for hour in range(60):
        clock.now_us = hour * HOUR_US
        store.append([plain(hour)])
    past = store.past("a", need, clock.now_us)
    one_before = 34  # what the first one of the day is compared with
    assert [e["timestamp"] // HOUR_US for e in past.events] == [*range(one_before, 60)]
    (held,) = store._backend.get(["anonymous_id:a"])
    assert held is not None
    # A request that began within the minute of slack looks back from the hour before.
    assert len(decode(held.data, 0)[0].events) == 60 - one_before + 1


def test_a_repeat_of_a_dropped_event_of_one_second_takes_no_place() -> None:
    need, clock = (
        Need.of(dataclasses.replace(SEQUENCE, last=2), "anonymous_id"),
        Clock(),
    )
    store = in_memory(clock, need)
    made = [
        {**plain(1), "event_id": f"e{number}", "page": str(number)}
        for number in range(9)
    ]
    for number, event in enumerate([*made, *made[:5]]):
        clock.now_us = (2 + number) * HOUR_US
        store.append([{**event, "received_at": clock.now_us}])
    past = store.past("a", need, clock.now_us)
    assert [event["page"] for event in past.events][-2:] == ["7", "8"]


def test_events_of_one_second_stay_while_there_is_room() -> None:
    need = Need.of(dataclasses.replace(SEQUENCE, last=2), "anonymous_id")
    clock = Clock()
    store = in_memory(clock, need, max_events=5)
    for number in range(9):
        clock.now_us = (2 + number) * HOUR_US
        event = {**plain(1), "event_id": f"e{number}", "page": str(number)}
        store.append([{**event, "received_at": clock.now_us}])
    (held,) = store._backend.get(["anonymous_id:a"])
    assert held is not None
    assert len(decode(held.data, 0)[0].events) == 5
    clock.now_us = 14 * HOUR_US
    store.append([plain(hour) for hour in (11, 12, 13)])
    (held,) = store._backend.get(["anonymous_id:a"])
    assert held is not None
    # The one that is compared with, no more.
    assert len(decode(held.data, 0)[0].events) <= 3


def test_an_event_of_a_type_that_nobody_reads_is_counted() -> None:
    store = in_memory(Clock(0), NEEDS["sequence"])
    told = store.append([plain(0, type="search"), plain(0, anonymous_id=None)])
    assert told.by_reason == {"not_read": 1, "no_subject": 1}
    assert (told.new, told.repeated) == (0, 0)


def test_what_is_older_than_anything_looks_is_counted_and_changes_nothing() -> None:
    clock = Clock(1000 * HOUR_US)
    store = in_memory(clock, NEEDS["sequence"])
    store.append([plain(hour) for hour in range(990, 1000)])
    before = store.past("a", NEEDS["sequence"], clock.now_us)
    told = store.append([plain(990), plain(3)])
    assert told.by_reason == {"past_reach": 2}  # the first of them was pruned by then
    assert store.append([plain(999)]).repeated == 1
    assert store.past("a", NEEDS["sequence"], clock.now_us) == before


def test_windows_are_cut_before_the_sequence_and_counted() -> None:
    clock = Clock(1000 * HOUR_US)
    need = NEEDS["windows"]
    store = in_memory(clock, need, max_events=5)
    told = store.append([plain(999, event_id=f"w{i}", sequence=i) for i in range(20)])
    assert told.by_reason["events_cut"] == 15
    past = store.past("a", need, clock.now_us)
    assert past.ids == ["w15", "w16", "w17", "w18", "w19"]


def test_a_document_that_is_too_large_is_cut_and_counted() -> None:
    clock = Clock(1000 * HOUR_US)
    need = NEEDS["sequence"]
    store = in_memory(clock, need)
    long = "x" * (MAX_DOCUMENT_BYTES // 3)
    told = store.append([plain(990 + i, page=f"{i}{long}") for i in range(4)])
    assert told.by_reason["events_cut"] == 2
    assert store.past("a", need, clock.now_us).ids == ["at 992", "at 993"]


def test_events_of_the_future_wait_for_their_time() -> None:
    clock = Clock(10 * HOUR_US)
    need = NEEDS["no comparison"]
    store = in_memory(clock, need)
    store.append([plain(9), plain(12)])
    assert [e["timestamp"] for e in store.past("a", need, 11 * HOUR_US).events] == [
        9 * HOUR_US
    ]
    assert [e["timestamp"] for e in store.past("a", need, 12 * HOUR_US).events] == [
        12 * HOUR_US
    ]


def test_a_clock_that_is_ahead_gives_no_earlier_instant() -> None:
    """An event from the future counts, as in training, once its time has come."""
    clock = Clock(10 * HOUR_US)
    need = NEEDS["windows"]
    store = in_memory(clock, need, slack_us=0)
    ahead = plain(20, received_at=5 * HOUR_US)
    events = [plain(-17), plain(9), ahead]
    store.append(events)
    past = store.past("a", need, 20 * HOUR_US)
    assert past.instant_us == 20 * HOUR_US
    assert_same("windows", events, past.events, past.instant_us)


def test_subjects_that_are_silent_age_out() -> None:
    clock = Clock(0)
    need = NEEDS["no comparison"]
    store = in_memory(clock, need, keep_us=30 * HOUR_US)
    store.append([plain(0), plain(0, anonymous_id="b"), plain(20, anonymous_id="b")])
    assert store.past("a", need, 29 * HOUR_US).events
    assert not store.past("a", need, 30 * HOUR_US).events  # unseen before it is swept
    assert (store.documents(), store.sweep(30 * HOUR_US), store.documents()) == (
        2,
        1,
        1,
    )
    assert store.past("b", need, 30 * HOUR_US).events
    clock.now_us = 60 * HOUR_US
    assert store.append([plain(0)]).by_reason == {"past_reach": 1}


@pytest.mark.parametrize("value", [float("inf"), "\ud800", {"a": 1}, [1]])
def test_a_value_that_no_document_can_hold_is_counted(value: Any) -> None:
    store = in_memory(Clock(0), NEEDS["sequence"])
    assert store.append([plain(0, page=value)]).by_reason == {"unfit_value": 1}


def plain(hour: int, **more: Any) -> Event:
    """An event that was received when it happened; its id is its hour."""
    return {
        "timestamp": hour * HOUR_US,
        "received_at": hour * HOUR_US,
        "type": "view",
        "anonymous_id": "a",
        "amount": 1,
        "event_id": f"at {hour}",
        **more,
    }

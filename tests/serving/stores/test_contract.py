"""One contract for all stores, against a plain dict, with real databases."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)
from made_events import HOUR_US
from made_stores import INSTANCES, Clock, Event

from zap.errors import InputError
from zap.serving.stores import EventStore, Need, open_store

LAST = 3  # of the sequence of two, with the one before it
NEED = Need.of(INSTANCES["long sequence"], "anonymous_id")
BY_PLAN = Need.of(INSTANCES["long sequence"], "plan")
MANY = Need.of(INSTANCES["windows"], "anonymous_id")
SUBJECTS = ("a", "b", "ü:" + "long" * 200)
KEEP_HOURS = 50
PATIENT_MS = 60_000  # what is stored is asked here, on machines however busy


def event_of(number: int, subject: str | None, hour: int, **more: Any) -> Event:
    return {
        "event_id": f"e{number}",
        "anonymous_id": subject,
        "timestamp": hour * HOUR_US + number,
        "received_at": hour * HOUR_US + number,
        "type": "view",
        "amount": number,
        **more,
    }


class Contract(RuleBasedStateMachine):
    """A store beside a dict that holds every event for good."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(0)
        days = KEEP_HOURS / 24
        self.store = open_store(
            self.url, timeout_ms=PATIENT_MS, keep_days=days, clock_us=self.clock
        )
        self.store.keep([NEED])
        self.own = uuid.uuid4().hex  # nobody else's subjects
        self.model: dict[str, dict[str, Event]] = defaultdict(dict)
        self.posted: list[Event] = []
        self.numbers = itertools.count()

    def teardown(self) -> None:
        self.store.close()

    @rule(
        drawn=st.lists(
            st.tuples(st.sampled_from(SUBJECTS), st.integers(-6, 2), st.integers(0, 6)),
            min_size=1,
            max_size=5,
        )
    )
    def append(self, drawn: list[tuple[str, int, int]]) -> None:
        now = self.clock.now_us // HOUR_US
        events = [
            event_of(next(self.numbers), self.own + subject, now + ago)
            for subject, ago, _ in drawn
        ]
        for event, (_, _, late) in zip(events, drawn, strict=True):
            event["received_at"] += late * HOUR_US
            self.forget_the_silent(event["anonymous_id"])
        told = self.store.append(events)
        assert told.new + told.by_reason.get("past_reach", 0) == len(events)
        assert told.repeated == 0
        self.posted += events
        for event in events:
            self.model[event["anonymous_id"]][event["event_id"]] = event

    def forget_the_silent(self, subject: str) -> None:
        """What a store has forgotten does not come back with what comes in now."""
        if not self.silent(subject, self.clock.now_us):
            return
        del self.model[subject]
        self.posted = [e for e in self.posted if e["anonymous_id"] != subject]

    def silent(self, subject: str, now_us: int) -> bool:
        events = self.model.get(subject, {}).values()
        newest = max((known(event) for event in events), default=None)
        return newest is not None and newest + KEEP_HOURS * HOUR_US <= now_us

    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        if not self.posted:
            return
        events = data.draw(st.lists(st.sampled_from(self.posted), max_size=4))
        told = self.store.append(events)
        assert told.new == 0
        assert told.repeated + told.by_reason.get("past_reach", 0) == len(events)

    @rule(hours=st.sampled_from([1, 1, 5, 30]))
    def time_goes_on(self, hours: int) -> None:
        self.clock.now_us += hours * HOUR_US

    @rule(subject=st.sampled_from(SUBJECTS))
    def forget(self, subject: str) -> None:
        # What was pruned before is gone already, so the number is at most the model's.
        removed = self.store.forget("anonymous_id", self.own + subject)
        assert removed <= len(self.model.pop(self.own + subject, {}))
        self.posted = [e for e in self.posted if e["anonymous_id"] in self.model]

    @rule(later=st.sampled_from([0, 0, 3, 60]))
    def read(self, later: int) -> None:
        now_us = self.clock.now_us + later * HOUR_US
        names = [self.own + subject for subject in (*SUBJECTS, "nobody")]
        pasts = self.store.pasts(names, NEED, now_us)
        for name, past in zip(names, pasts, strict=True):
            assert past.ids == self.expected(name, now_us)
            assert past == self.store.past(name, NEED, now_us)
            for event in past.events:
                given = self.model[name][event["event_id"]]
                assert all(
                    event[key] == given[key]
                    for key in ("timestamp", "type", "amount", "received_at")
                )

    @rule()
    def sweep(self) -> None:
        self.store.sweep(self.clock.now_us)

    def expected(self, subject: str, now_us: int) -> list[str]:
        events = self.model.get(subject, {}).values()
        if self.silent(subject, now_us):
            return []
        seen = [e for e in events if known(e) <= now_us]
        ordered = sorted(seen, key=lambda e: (e["timestamp"], e["received_at"]))
        return [event["event_id"] for event in ordered[-LAST:]]


def known(event: Event) -> int:
    return int(max(event["timestamp"], event["received_at"]))


def test_a_store_does_what_a_dict_does(store_url: str) -> None:
    machine = type("Own", (Contract,), {"url": store_url})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=12)
    )


@pytest.fixture
def store(store_url: str) -> EventStore:
    found = open_store(store_url, timeout_ms=PATIENT_MS)
    found.keep([MANY])
    return found


def test_threads_of_two_servers_lose_nothing(store_url: str) -> None:
    subject, now_us = uuid.uuid4().hex, 1_790_000_000_000_000
    stores = [open_store(store_url, timeout_ms=PATIENT_MS) for _ in range(2)]
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            mine = stores[number % 2]
            for i in range(12):
                event = event_of(100 * number + i, subject, 0, timestamp=now_us)
                assert mine.append([event]).new == 1
        except BaseException as error:
            failed.append(error)

    for each in stores:
        each.keep([MANY])
    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    past = stores[0].past(subject, MANY, now_us + 10**12)
    expected = {f"e{100 * number + i}" for number in range(6) for i in range(12)}
    assert {*past.ids} == expected
    assert len(past.ids) == len(expected)


def test_many_subjects_at_once(store_url: str, store: EventStore) -> None:
    own, now_us = uuid.uuid4().hex, 1_790_000_000_000_000
    many = 260 if "mongo" in store_url else 520  # more than one request holds
    names = [f"{own}-{i}" for i in range(many)]
    events = [event_of(i, name, 0, timestamp=now_us) for i, name in enumerate(names)]
    assert store.append(events).new == many
    assert store.append(events).repeated == many
    pasts = store.pasts(names, MANY, now_us)
    assert [past.ids for past in pasts] == [[f"e{i}"] for i in range(many)]


def test_several_questions_with_subjects_of_their_own(store: EventStore) -> None:
    store.keep([NEED, MANY, BY_PLAN])
    own = uuid.uuid4().hex
    now_us = 1_790_000_000_000_000
    events = [
        event_of(i, f"{own}-{i % 2}", 0, timestamp=now_us + i, plan=own)
        for i in range(6)
    ]
    assert store.append(events).new == 6
    past = store.past(own, BY_PLAN, now_us + 9)
    assert past.ids == ["e3", "e4", "e5"]
    assert store.past(f"{own}-0", MANY, now_us + 9).ids == ["e0", "e2", "e4"]
    assert store.forget("plan", own) >= 3
    assert store.past(own, BY_PLAN, now_us + 9).events == []
    assert store.past(f"{own}-1", MANY, now_us + 9).ids == ["e1", "e3", "e5"]


def test_what_is_no_event_is_refused_and_nothing_is_stored(store: EventStore) -> None:
    own = uuid.uuid4().hex
    good = event_of(1, own, 0)
    for wrong in (
        {"timestamp": "2026-01-01T00:00:00Z"},
        {"timestamp": True},
        {"type": None},
        {"received_at": 1.5},
        {"sequence": "1"},
    ):
        with pytest.raises(InputError, match="Received: "):
            store.append([good, {**good, **wrong}])
    assert store.past(own, MANY, 10**18).events == []


def test_events_without_an_id_are_known_by_what_they_hold(store: EventStore) -> None:
    own = uuid.uuid4().hex
    event = event_of(1, own, 0, event_id=None, received_at=None)
    told = store.append([event, {**event, "amount": 2}, event])
    assert (told.new, told.repeated) == (2, 1)
    told = store.append([event, event])
    assert (told.new, told.repeated) == (0, 2)


def test_a_store_says_how_much_it_holds(store_url: str, store: EventStore) -> None:
    before = store.documents()
    store.append([event_of(1, uuid.uuid4().hex, 0, timestamp=2 * 10**15)])
    assert store.documents() == before + 1
    store.ping()
    assert store.name in store_url or store_url.rstrip("/") in store.name

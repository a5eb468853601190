"""Persons of a store are those of a batch: the same owners, at every instant.

The oracle is that of `made_people`, plain loops written from the principle; the batch's
own resolution is held against the same rows.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_events import HOUR_US
from made_people import Row, known, owner, some_people
from made_stores import Clock, in_memory

from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.errors import InputError
from zap.events.schema import canonical_schema
from zap.histories.identity import PERSON, resolved
from zap.serving.stores import EventStore, Need
from zap.serving.stores.links import (
    EXACT_LINKS,
    MAX_LINKS,
    Link,
    merged_links,
    shortened,
)
from zap.serving.stores.links import owner as owner_by
from zap.serving.stores.people import with_devices

INSTANCE = Instance(
    types=["x"],
    last=2,
    fields=[Hash("uid"), SincePrevious(1800, 7200, 86400, 12)],
    hash_buckets=64,
)
EVERYTHING = Instance(types=["x", "y"], last=99, fields=[Hash("uid")], hash_buckets=64)
NEED, ALL = Need.of(INSTANCE, PERSON), Need.of(EVERYTHING, PERSON)
ENCODER = Encoder(INSTANCE)
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a seed does not shrink


def posted(row: Row) -> dict[str, Any]:
    """The row as an event of the API."""
    received = row["t"] if row["received"] is None else row["received"]
    return {
        "event_id": str(row["uid"]),
        "uid": row["uid"],
        "anonymous_id": row["who"],
        "user_id": row["user_id"],
        "timestamp": row["t"] * HOUR_US,
        "received_at": received * HOUR_US,
        "sequence": row["sequence"],
        "type": row["type"],
    }


def expected(rows: list[Row], hour: float) -> dict[str, list[str]]:
    """The events of each person that are known at an hour, by plain loops."""
    seen = [row for row in rows if known(row) <= hour]
    found: dict[str, list[Row]] = {}
    for row in seen:
        # By then nobody knows of later links.
        person = owner(row, seen)
        if person is not None:
            found.setdefault(":".join(person), []).append(row)
    return {
        person: [str(r["uid"]) for r in sorted(own, key=lambda r: (r["t"], r["uid"]))]
        for person, own in found.items()
    }


def read(store: EventStore, need: Need, names: list[str], hour: int) -> dict[str, Any]:
    pasts = store.pasts(names, need, hour * HOUR_US)
    for name, past in zip(names, pasts, strict=True):
        assert past == store.past(name, need, hour * HOUR_US)
    return dict(zip(names, pasts, strict=True))


@settings(max_examples=60, phases=QUICK)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_everybody_has_the_events_that_the_batch_gives_him(
    seed: int, later: int
) -> None:
    rng = Random(seed)
    rows = some_people(rng)
    clock = Clock(0)
    store = in_memory(clock, ALL)
    store.append([posted(row) for row in rows])
    for hour in (later, 500):
        persons = expected(rows, hour)
        found = read(store, ALL, sorted(persons), hour)
        assert {name: past.ids for name, past in found.items()} == persons
    # With all links known, the batch's own columns say the same.
    assert batch_persons(rows) == expected(rows, 500)


@settings(max_examples=40, phases=QUICK)
@given(st.integers(0, 2**32), st.sampled_from([1, 3]))
def test_events_that_come_one_by_one_are_pruned_without_loss(
    seed: int, slack: int
) -> None:
    # Of two things at the very same time the order is known only within the slack.
    rng = Random(seed)
    rows = sorted(some_people(rng), key=lambda row: (known(row), row["uid"]))
    clock = Clock(-10 * HOUR_US)
    store = in_memory(clock, NEED, slack_us=slack * HOUR_US)
    there: list[Row] = []
    for row in rows:
        clock.now_us = max(clock.now_us, known(row) * HOUR_US)  # type: ignore[assignment]
        store.append([posted(row)])
        there.append(row)
        if rng.random() < 0.3:
            again = [r for r in there if not shared(r, rows)]
            store.append([posted(r) for r in again[-3:]])
        hour = clock.now_us // HOUR_US + rng.choice([0, 1, 40])
        check(store, there, hour)


def shared(row: Row, rows: list[Row]) -> bool:
    """Whether several users share its device."""
    return len({r["user_id"] for r in rows if r["who"] == row["who"]} - {None}) > 1


def check(store: EventStore, rows: list[Row], hour: int) -> None:
    """Every person's past is encoded as the whole one would be."""
    by_id = {str(row["uid"]): posted(row) for row in rows}
    persons = expected(rows, hour)
    for name, past in read(store, NEED, sorted(persons), hour).items():
        whole = [by_id[one] for one in persons[name]]
        wanted = ENCODER.encode_instance(whole, hour * HOUR_US)
        assert ENCODER.encode_instance(past.events, hour * HOUR_US).digest == (
            wanted.digest
        )


def batch_persons(rows: list[Row]) -> dict[str, list[str]]:
    """The persons that the batch's columns name, with their events in order."""
    if not rows:
        return {}
    names = ("event_id", "anonymous_id", "user_id", "timestamp", "received_at", "type")
    ordered = sorted(rows, key=lambda r: (r["t"], r["uid"]))
    columns = {name: [posted(r)[name] for r in ordered] for name in names}
    # A row without a receipt was known when it happened.
    columns |= {"source": ["s"] * len(rows), "row": [*range(len(rows))]}
    schema = canonical_schema({})
    whole = {f.name: columns.get(f.name, [None] * len(rows)) for f in schema}
    table, _ = resolved(pa.table(whole, schema))
    found: dict[str, list[str]] = {}
    for person, one in zip(
        table.column(PERSON).to_pylist(), table["event_id"].to_pylist(), strict=True
    ):
        if person is not None:
            found.setdefault(person, []).append(one)
    return found


def test_a_linked_device_stands_for_its_present_user() -> None:
    store = in_memory(Clock(0), ALL)
    rows = [
        row(0, 1, "d1", None),
        row(1, 2, "d2", "u1"),
        row(2, 3, "d1", "u1"),
        row(3, 4, "d1", "u2"),
    ]
    store.append([posted(each) for each in rows])
    read_ids = {
        (name, hour): store.past(name, ALL, hour * HOUR_US).ids
        for name in ("anonymous:d1", "anonymous:d2", "user:u1", "user:u2")
        for hour in (2, 3, 4)
    }
    assert read_ids["anonymous:d1", 2] == ["0"]
    assert read_ids["user:u1", 2] == ["1"]
    assert read_ids["anonymous:d1", 3] == read_ids["user:u1", 3] == ["0", "1", "2"]
    assert read_ids["anonymous:d1", 4] == read_ids["user:u2", 4] == ["3"]
    assert read_ids["anonymous:d2", 4] == read_ids["user:u1", 4] == ["0", "1", "2"]


def test_a_login_that_no_instance_reads_links_all_the_same() -> None:
    store = in_memory(Clock(0), NEED)
    told = store.append(
        [posted(row(0, 1, "d1", None)), posted(row(1, 2, "d1", "u", "z"))]
    )
    assert (told.new, told.by_reason) == (1, {"not_read": 1})
    assert store.past("user:u", NEED, 9 * HOUR_US).ids == ["0"]


def test_links_may_be_told_before_the_events() -> None:
    """As a rebuild does it: then the order of the events is no matter."""
    rows = [row(0, 1, "d", "u1"), *(row(i, 5 + i, "d", None) for i in range(1, 5))]
    rows += [row(5, 30, "d", "u2"), *(row(i, 30 + i, "d", None) for i in range(6, 12))]
    clock = Clock(100 * HOUR_US)
    store = in_memory(clock, NEED)
    events = [posted(each) for each in rows]
    store.link(events)
    for event in reversed(events):
        store.append([event])
    check(store, rows, 100)


def test_forgetting_a_user_leaves_the_others_of_his_devices() -> None:
    store = in_memory(Clock(0), ALL)
    rows = [
        row(0, 1, "d1", None),
        row(1, 2, "d1", "u1"),
        row(2, 3, None, "u1"),
        row(3, 4, "d1", "u2"),
        row(4, 5, "d1", None),
    ]
    store.append([posted(each) for each in rows])
    assert store.forget(PERSON, "user:u1") == 3
    assert store.past("user:u1", ALL, 9 * HOUR_US).ids == []
    assert store.past("user:u2", ALL, 9 * HOUR_US).ids == ["3", "4"]
    assert store.forget("anonymous_id", "d1") == 2
    assert store.past("user:u2", ALL, 9 * HOUR_US).ids == []
    assert store.forget(PERSON, "u1") == store.forget("user_id", "u2") == 0
    held = store._backend.get(["person:user:u1", "person:anonymous:d1"])
    for each in held:
        assert each is None or (b"u1" not in each.data and b"d1" not in each.data)


def test_a_subject_without_its_kind_is_refused() -> None:
    with pytest.raises(InputError, match="user:ID or anonymous:ID"):
        in_memory(Clock(0), ALL).past("u1", ALL, 0)


# ---- links and devices ----------------------------------------------------------

LINKS = st.lists(
    st.builds(Link, st.integers(0, 400), st.integers(0, 400), st.sampled_from("uvw")),
    max_size=2 * EXACT_LINKS,
    min_size=EXACT_LINKS // 2,
)


@settings(max_examples=50)
@given(LINKS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=9))
def test_links_that_go_change_no_owner(
    links: list[Link], asked: list[tuple[int, int]]
) -> None:
    whole = merged_links(links)
    assert list(whole) == sorted(whole, key=lambda link: (link.time_us, link.user))
    short, lost = shortened(whole)
    assert (lost, len(short) <= len(whole)) == (0, True)
    for time_us, known_us in asked:
        assert owner_by(short, time_us, known_us) == owner_by(whole, time_us, known_us)


def test_a_device_that_stays_with_one_user_has_few_links() -> None:
    links: tuple[Link, ...] = ()
    for i in range(500):
        links, lost = shortened(merged_links((*links, Link(i, i, "u"))))
        assert lost == 0
    assert len(links) <= EXACT_LINKS


def test_a_device_that_all_the_world_uses_is_bounded() -> None:
    links: tuple[Link, ...] = ()
    total = 0
    for i in range(1000):
        links, lost = shortened(merged_links((*links, Link(i, i, f"u{i}"))))
        total += lost
    assert len(links) <= MAX_LINKS
    assert total == 1000 - len(links)
    assert owner_by(links, -1, 5) == "u0"  # whose link was known first


def test_a_user_keeps_the_devices_that_were_linked_last() -> None:
    assert with_devices([("a", 1), ("b", 5)], [("c", 3), ("a", 2)], 2) == (
        (("b", 5), ("c", 3)),
        1,
    )
    store = in_memory(Clock(0), ALL, max_devices=2)
    told = store.append([posted(row(i, i, f"d{i}", "u")) for i in range(4)])
    assert told.by_reason == {"devices_cut": 2}
    assert store.past("user:u", ALL, 9 * HOUR_US).ids == ["2", "3"]


def row(
    uid: int, hour: int, device: str | None, user: str | None, kind: str = "x"
) -> Row:
    return {
        "uid": uid,
        "who": device,
        "user_id": user,
        "t": hour,
        "received": None,
        "type": kind,
        "sequence": uid,
    }

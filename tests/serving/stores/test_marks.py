"""Events of a store are known by their marks, and encode to what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_documents import FIELDS, columns, exact

from zap.encoding.encoder import Encoder
from zap.encoding.event_table import EventTable, LazyColumns
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last
from zap.encoding.row_cache import CacheLimits
from zap.errors import EncodingError
from zap.serving.stores.document import Document, decode, encode, mark_of, merged

TIMES = ("event_id", "timestamp", "received_at", "sequence")


def instance(*fields: str) -> Instance:
    return Instance(
        types=ANY,
        last=5,
        fields=[*map(Hash, fields), SincePrevious(edges=(60.0, 3600.0))],
        metadata=[Last("page", encode=Hash("page"))],
        hash_buckets=64,
        metadata_buckets=16,
    )


ALL, SOME = instance(*FIELDS), instance("page")
ENCODERS = [
    Encoder(ALL),
    Encoder(SOME),
    Encoder(ALL, cache=CacheLimits(rows=12)),
    Encoder(ALL, cache=CacheLimits(rows=0)),
    Encoder(instance("event_id")),
]
"""Shared by all examples, so that each finds what others have left."""


def table_of(events: Sequence[dict[str, Any]]) -> EventTable:
    found = decode(encode(Document(events)), 0)[0].events
    assert isinstance(found, EventTable)
    return found


def content(event: dict[str, Any]) -> dict[str, Any]:
    (held,) = exact([event])
    return {name: text for name, text in held.items() if name not in TIMES}


def outcome(encoder: Encoder, events: Any, as_batch: bool = False) -> Any:
    encode_one = encoder.encode_as_batch if as_batch else encoder.encode_instance
    try:
        return encode_one(events).digest
    except EncodingError as error:
        return str(error)


@given(columns(), columns())
def test_a_mark_stands_for_what_an_event_holds(
    some: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    for one, other in combinations([*some, *others], 2):
        assert (mark_of(one) == mark_of(other)) == (content(one) == content(other))


@settings(max_examples=200)
@given(columns(), st.sampled_from(ENCODERS))
def test_marked_events_are_encoded_as_what_they_hold(
    events: list[dict[str, Any]], encoder: Encoder
) -> None:
    expected = outcome(encoder, events, as_batch=True)
    for _ in range(3):
        assert outcome(encoder, table_of(events)) == expected
    cache = encoder.online.cache
    assert len(cache.generation.marked) <= cache.limits.rows // 2


def test_what_known_events_hold_is_not_looked_at() -> None:
    events = [
        {"event_id": str(at), "timestamp": at, "type": "view", "page": "pq"[at % 2]}
        for at in range(4)
    ]
    encoder, table = Encoder(ALL), table_of(events)
    expected = outcome(encoder, table)
    times = {"timestamp": [0, 1, 2, 3]}
    bare = LazyColumns([*times, "received_at", "type", *FIELDS], times.__getitem__)
    assert outcome(encoder, EventTable(bare, 4, table.marks)) == expected
    with pytest.raises(KeyError):
        Encoder(ALL).encode_instance(EventTable(bare, 4, table.marks))


def test_marks_of_one_row_are_bounded() -> None:
    """Events that differ in what is not read have a mark each, and one row."""
    encoder = Encoder(SOME, cache=CacheLimits(rows=20))
    event = {"event_id": "a", "timestamp": 0, "type": "view", "page": "p"}
    expected = outcome(encoder, [event], as_batch=True)
    for price in range(50):
        assert outcome(encoder, table_of([event | {"price": price}])) == expected
    cache = encoder.online.cache
    assert len(cache) == 1 and 0 < len(cache.generation.marked) <= 10


@given(columns(), columns(), st.data())
def test_marks_stay_with_their_events(
    events: list[dict[str, Any]], more: list[dict[str, Any]], data: st.DataObject
) -> None:
    arriving = [{**e, "event_id": f"n{e['event_id']}", "sequence": 1} for e in more]
    arriving += [{**e, "received_at": 0} for e in events[:1]]
    both, _ = merged(table_of(events), arriving)
    table = table_of(both)
    assert table.marks == [mark_of(event) for event in both]
    places = data.draw(st.lists(st.sampled_from(range(len(both))))) if both else []
    assert table.taken(places).marks == [mark_of(both[place]) for place in places]
    assert table[1:-1].marks == [mark_of(event) for event in both[1:-1]]


@given(columns())
def test_a_document_without_marks_gets_them(events: list[dict[str, Any]]) -> None:
    data = encode(Document(events, 99))
    form, *parts, _ = orjson.loads(data)
    assert form == 3
    before = decode(orjson.dumps([2, *parts]), 0)[0]
    assert exact(before.events) == exact(events)
    assert isinstance(before.events, EventTable) and before.events.marks is None
    assert encode(before) == data


def test_columns_are_unpacked_when_they_are_asked_for() -> None:
    broken = b'[3,0,0,["a","b"],[[["x"],[7]],[["y"]]],[],[],[["m"]]]'
    table = decode(broken, 0)[0].events
    assert isinstance(table, EventTable)
    assert table.column("b") == ["y"] and len(table) == 1

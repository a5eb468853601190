"""A document gives back what was put into it, each value with its own type."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_documents import FIELDS, columns, exact

from zap.encoding.event_table import EventTable, column, taken, value_at
from zap.errors import StoreError
from zap.serving.stores.document import Document, decode, encode
from zap.serving.stores.links import Link


@given(columns(), st.integers(0, 9))
def test_events_come_back_as_they_were(events: list[dict[str, Any]], at: int) -> None:
    links = (Link(5, 6, "ann"),)
    data = encode(Document(events, 99, links, (("d", 7),)))
    document, all_known = decode(data, at)
    assert exact(document.events) == exact(events)
    assert len(document.events) == len(events)
    assert (document.expires_us, document.links) == (99, links)
    assert document.devices == (("d", 7),)
    assert all_known == (len(events) - 1 <= at)
    assert encode(document) == data, "also from what was read"


@given(columns(), st.data())
def test_a_table_is_a_sequence_of_its_events(
    events: list[dict[str, Any]], data: st.DataObject
) -> None:
    table = decode(encode(Document(events)), 0)[0].events
    assert isinstance(table, EventTable)
    whole = list(table)
    assert table == whole and [*reversed(table)] == whole[::-1]
    for place in range(-len(whole), len(whole)):
        assert table[place] == whole[place]
    begin, end = (data.draw(st.integers(-9, 9)) for _ in range(2))
    assert table[begin:end] == whole[begin:end]
    places = data.draw(st.lists(st.sampled_from(range(len(whole))))) if whole else []
    assert taken(table, places) == taken(whole, places)
    for field in (*FIELDS, "no such field"):
        values = [event.get(field) for event in whole]
        assert column(table, field) == column(whole, field) == values
        for each in (table, whole):
            assert list(map(value_at(each, field), range(len(whole)))) == values


def test_a_document_of_rows_is_read() -> None:
    names = ["event_id", "timestamp", "received_at", "type", "sequence", "page"]
    rows = [["e1", 5, 6, "view", None, "p"], ["e2", 7, None, "view", 3, ["q"]]]
    data = orjson.dumps([1, 99, 7, names, rows, [[5, 6, "ann"]], [["d", 7]]])
    document, all_known = decode(data, 6)
    assert list(document.events) == [dict(zip(names, row, strict=True)) for row in rows]
    assert document.links == (Link(5, 6, "ann"),) and not all_known
    nothing, _ = decode(orjson.dumps([1, 99, 0, names, [], [], []]), 6)
    assert list(nothing.events) == []


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b"[3,0,0,[],[],[],[]]",
        b"[4,0,0,[],[],[],[],[[]]]",
        b'[3,0,0,["a"],[[[1]]],[],[],[["m","n"]]]',
        b'[1,0,0,["a"],[[1,2]],[],[]]',
        b'[2,0,0,["a"],[],[],[]]',
        b'[2,0,0,["a","b"],[[[1]],[[1,2]]],[],[]]',
        b'[2,0,0,["a"],[[["x"],[1]]],[],[]]',
        b'[2,0,0,["a"],[7],[],[]]',
        b'[2,0,0,["a"],[[1,2,3]],[],[]]',
    ],
)
def test_what_is_no_document_is_told(damaged: bytes) -> None:
    with pytest.raises(StoreError, match="Rebuild the store"):
        list(decode(damaged, 0)[0].events)

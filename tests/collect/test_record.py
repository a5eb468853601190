"""Records: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from zap.collect.event import BadRow
from zap.collect.record import BadRecord, decode, encode_bad, encode_event
from zap.errors import CollectError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner),
    max_leaves=6,
)


@given(event=st.dictionaries(TEXT, JSON, min_size=1))
def test_events_come_back(event: dict) -> None:
    record = encode_event(event)
    assert decode(record) == event == json.loads(record[1:])
    assert record[:1] == b"E" and b"\n" not in record


@given(reason=TEXT, detail=TEXT, payload=JSON, source=TEXT, time=st.integers(0, 2**62))
def test_bad_rows_come_back(reason, detail, payload, source, time) -> None:
    row = BadRow(reason, detail, payload)
    record = encode_bad(row, source, time)
    assert decode(record) == BadRecord(row, source, time)
    assert json.loads(record[1:])["payload"] == payload


def test_a_forgotten_record_is_nothing() -> None:
    assert decode(b"") is None


@pytest.mark.parametrize(
    "record", [b"E", b"{}", b"E[]", b"E{", b"B{}", b"B[]", b"X{}", b"B3", b"E\xff"]
)
def test_what_is_no_record_is_told(record: bytes) -> None:
    with pytest.raises(CollectError, match="Expected a record of the spool"):
        decode(record)


@pytest.mark.parametrize("value", [object(), "\ud800", 2**64, {1: 2}, b"bytes"])
def test_what_json_can_not_hold_is_told(value: object) -> None:
    with pytest.raises(CollectError, match="Expected what JSON can hold"):
        encode_event({"properties": value})
    with pytest.raises(CollectError, match="Expected what JSON can hold"):
        encode_bad(BadRow("reason", "", value), "shop", 0)

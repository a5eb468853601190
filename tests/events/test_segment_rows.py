"""Segment's calls: each column held against a plain loop, and calls that are odd."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import made_exports as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources

MAPPING = EventMapping.from_dict({"format": "segment"})


def read(path: Path, mapping: EventMapping = MAPPING):
    """All events of a file as dicts, its dead letters, and the counts."""
    (source,) = list_sources([str(path)], mapping)
    events, dead, counts = [], [], {}
    for batch in read_source(source, mapping):
        events += batch.events.to_pylist()
        dead += batch.dead
        for name, number in batch.counts.items():
            counts[name] = counts.get(name, 0) + number
    return events, dead, counts


def read_calls(folder: Path, *calls: Any, mapping: EventMapping = MAPPING):
    path = folder / "calls.json"
    path.write_text("".join(f"{json.dumps(call)}\n" for call in calls))
    return read(path, mapping)


def by_hand(call: dict[str, Any]) -> dict[str, Any]:
    """The canonical fields of a sound call, in plain Python."""
    kinds = {"page": "page_view", "screen": "screen_view", "track": call.get("event")}

    def clock(name: str) -> datetime:
        return datetime.fromisoformat(call[name])

    if call.get("timestamp"):
        time = clock("timestamp")
    elif call.get("sentAt") and call.get("receivedAt"):
        time = clock("receivedAt") - (clock("sentAt") - clock("originalTimestamp"))
    else:
        time = clock("originalTimestamp")
    page = call.get("context", {}).get("page", {})
    own = call.get("properties", {})
    anonymous = call.get("anonymousId")
    if call["type"] == "alias":
        anonymous = call.get("previousId") or anonymous
    return {
        "event_id": call["messageId"],
        "anonymous_id": anonymous,
        "user_id": call.get("userId"),
        "timestamp": time,
        "received_at": clock("receivedAt") if call.get("receivedAt") else None,
        "type": kinds.get(call["type"], call["type"]),
        "url": page.get("url") or own.get("url"),
        "referrer": page.get("referrer") or own.get("referrer"),
        "user_agent": call.get("context", {}).get("userAgent"),
    }


CALL = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "ajs-next-1",
    "anonymousId": "a1",
    "timestamp": "2024-03-01T10:00:00.123Z",
    "receivedAt": "2024-03-01T10:00:01.000Z",
}

TIME = st.integers(0, 63_000_000_000).map(
    lambda ms: made.iso_ms(made.FIRST + timedelta(milliseconds=ms))
)
TIMES = st.one_of(st.none(), TIME)
IDS = st.one_of(st.none(), st.text("abc-ü1", min_size=1, max_size=5))
CALLS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["page", "screen", "track", "identify", "alias"]),
        "event": st.just("Order Completed"),
        "messageId": st.uuids().map(str),
        "originalTimestamp": TIME,
    },
    optional={
        "anonymousId": IDS,
        "userId": IDS,
        "previousId": IDS,
        "timestamp": TIMES,
        "sentAt": TIMES,
        "receivedAt": TIMES,
        "context": st.fixed_dictionaries(
            {},
            optional={
                "userAgent": st.just("Mozilla/5.0"),
                "page": st.fixed_dictionaries(
                    {}, optional={"url": st.just("https://a/b"), "referrer": st.none()}
                ),
            },
        ),
        "properties": st.fixed_dictionaries(
            {},
            optional={"url": st.just("https://c/"), "referrer": st.just("https://d")},
        ),
    },
)


@settings(max_examples=60)
@given(calls=st.lists(CALLS, min_size=1, max_size=8))
def test_each_call_is_that_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, calls: list[dict[str, Any]]
) -> None:
    events, dead, _ = read_calls(tmp_path_factory.mktemp("calls"), *calls)
    assert not dead
    for event, call in zip(events, calls, strict=True):
        expected = by_hand(call)
        assert {name: event[name] for name in expected} == expected


def test_an_export_of_a_site_needs_one_line_of_mapping(tmp_path: Path) -> None:
    rows = made.made_events(10)
    events, dead, counts = read(made.write_segment(tmp_path / "1.json", rows))
    assert not dead and counts == {"rows.read": len(rows), "events.read": len(rows)}
    for event, row in zip(events, rows, strict=True):
        assert {name: event[name] for name in made.PLAIN_FIELDS} == {
            name: row[name] for name in made.PLAIN_FIELDS
        }


def test_a_clock_that_is_off_is_corrected(tmp_path: Path) -> None:
    # Made 5 s before it was sent, by a clock that is 3 hours ahead.
    call = {
        **CALL,
        "timestamp": None,
        "originalTimestamp": "2024-03-01T13:00:00.000Z",
        "sentAt": "2024-03-01T13:00:05.000Z",
        "receivedAt": "2024-03-01T10:00:06.250Z",
    }
    ((event,), _, _) = read_calls(tmp_path, call)
    received = datetime.fromisoformat(call["receivedAt"])
    assert event["timestamp"] == received - timedelta(seconds=5)


def test_identify_and_alias_link_an_id_with_a_user(tmp_path: Path) -> None:
    identify = {**CALL, "type": "identify", "userId": "u1", "traits": {"plan": "paid"}}
    alias = {**CALL, "type": "alias", "previousId": "old", "userId": 17}
    del alias["anonymousId"]
    mapping = EventMapping.from_dict(
        {"format": "segment", "properties": {"plan": "traits.plan"}}
    )
    events, dead, _ = read_calls(tmp_path, identify, alias, mapping=mapping)
    assert not dead
    assert [
        (e["type"], e["anonymous_id"], e["user_id"], e["plan"]) for e in events
    ] == [
        ("identify", "a1", "u1", "paid"),
        ("alias", "old", "17", None),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timestamp": "yesterday"}, "timestamp.unparsable"),
        ({"timestamp": None}, "timestamp.missing"),
        ({"timestamp": "2024-03-01T10:00:00"}, "timestamp.no_zone"),
        ({"event": None}, "type.missing"),
        ({"event": ""}, "type.missing"),
        ({"type": None}, "type.missing"),
        ({"receivedAt": "?"}, "received_at.unparsable"),
        ({"context": {"page": {"url": ["x"]}}}, "json.not_scalar"),
        ({"event": "dimension.x"}, "type.reserved"),
    ],
)
def test_a_bad_call_is_kept_under_its_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    events, dead, counts = read_calls(tmp_path, CALL, {**CALL, **change})
    assert len(events) == 1
    assert [(letter.line, letter.reason) for letter in dead] == [(2, reason)]
    assert counts[f"rows.bad.{reason}"] == 1
    assert json.loads(dead[0].raw) == {**CALL, **change}


def test_lines_that_are_no_calls_are_bad(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(f'{json.dumps(CALL)}\n{{"type": "tra\n[1]\n')
    events, dead, _ = read(path)
    assert len(events) == 1
    assert [each.reason for each in dead] == ["json.invalid", "json.not_object"]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="type"):
        read_calls(tmp_path, {"hello": "world"})


def test_own_fields_go_before_the_ready_ones(tmp_path: Path) -> None:
    mapping = EventMapping.from_dict(
        {"format": "segment", "fields": {"type": "type", "anonymous_id": "userId"}}
    )
    ((event,), _, _) = read_calls(tmp_path, {**CALL, "userId": "u"}, mapping=mapping)
    assert (event["type"], event["anonymous_id"]) == ("track", "u")
    assert event["event_id"] == "ajs-next-1"

"""What Zap's own protocol makes of bodies, beside a plain sum of clocks."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collect.protocols.asked import RECEIVED_US, asked
from zap.collect.protocol import Fate, Parsed, Unaccepted
from zap.collect.protocols.zap import MAX_SHOWN, Zap
from zap.collect.protocols.zap_events import OURS

ZAP = Zap()
RECEIVED = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=RECEIVED_US)
SECOND_US = 1_000_000


def iso(seconds_before_receipt: float) -> str:
    moment = RECEIVED - timedelta(seconds=seconds_before_receipt)
    return moment.isoformat().replace("+00:00", "Z")


def click(**more: Any) -> dict[str, Any]:
    return {"event_id": "e1", "anonymous_id": "a1", "type": "click"} | more


def parse(*events: Any, headers: dict[str, str] | None = None, **body: Any) -> Parsed:
    content = {"key": "k", "events": [*events]} | body
    return ZAP.parse(asked(content, "/v1/collect", **(headers or {})))


def reason(event: Any, **body: Any) -> str:
    """Why an event is bad; the one beside it is none the worse."""
    parsed = parse(click(event_id="whole"), event, **body)
    assert [each["event_id"] for each in parsed.events] == ["whole"]
    (row,) = parsed.bad
    assert row.payload == event
    assert "Expected" in row.detail and "Received" in row.detail
    return row.reason


def test_an_event_keeps_all_that_was_sent() -> None:
    sent = click(
        timestamp=iso(3),
        user_id="u1",
        url="https://shop.example/cart?id=1",
        referrer="https://shop.example/",
        properties={"total": 12.5, "items": [{"sku": "a"}, None]},
        traits={"plan": "free"},
        context={"campaign": {"source": "mail"}},
        experiment={"group": "b"},
    )
    (event,) = parse(sent, sent_at=iso(1)).events
    times = {
        "timestamp": RECEIVED_US - 2 * SECOND_US,
        "received_at": RECEIVED_US,
        "original_timestamp": iso(3),
        "sent_at": iso(1),
    }
    assert event == sent | times


@given(
    wait_s=st.floats(0, 1e6),
    clock_off_s=st.floats(-1e9, 1e9),
)
def test_a_wrong_but_steady_clock_is_made_right(
    wait_s: float, clock_off_s: float
) -> None:
    """The oracle knows when it really happened; the sender's clock is off."""
    happened, sent = iso(wait_s + clock_off_s), iso(clock_off_s)
    (event,) = parse(click(timestamp=happened), sent_at=sent).events
    assert abs(event["timestamp"] - (RECEIVED_US - wait_s * SECOND_US)) <= 3
    assert event["original_timestamp"] == happened


def test_times_without_a_clock_to_hold_them_against() -> None:
    early, none = parse(click(timestamp=iso(60)), click()).events
    assert early["timestamp"] == RECEIVED_US - 60 * SECOND_US
    assert none["timestamp"] == RECEIVED_US and "original_timestamp" not in none


def test_nothing_happens_after_it_was_received() -> None:
    alone = parse(click(timestamp=iso(-3600)))
    beside = parse(click(timestamp=iso(-20)), sent_at=iso(-10))
    for (event,) in (alone.events, beside.events):
        assert event["timestamp"] == event["received_at"] == RECEIVED_US
        assert event["original_timestamp"].startswith("2023-11-1")


def test_times_in_microseconds_are_times() -> None:
    sent_us = RECEIVED_US + 500 * SECOND_US
    event = click(timestamp=sent_us - 7)
    assert parse(event, sent_at=sent_us).events[0]["timestamp"] == RECEIVED_US - 7


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"type": ""}, "zap.type"),
        ({"type": None}, "zap.type"),
        ({"type": 3}, "zap.type"),
        ({"anonymous_id": None}, "zap.no_id"),
        ({"anonymous_id": ""}, "zap.no_id"),
        ({"anonymous_id": ["a"]}, "zap.text"),
        ({"user_id": True}, "zap.text"),
        ({"url": {"path": "/"}}, "zap.text"),
        ({"properties": [1]}, "zap.properties"),
        ({"traits": "free"}, "zap.traits"),
        ({"context": 1}, "zap.context"),
        ({"timestamp": "yesterday"}, "zap.time"),
        ({"timestamp": "2023-11-14T10:00:00"}, "zap.time"),
        ({"timestamp": 1.5}, "zap.time"),
        ({"timestamp": "1899-12-31T23:59:59Z"}, "zap.time"),
        ({"properties": {"text": "x" * 100_000}}, "zap.too_large"),
    ],
)
def test_an_event_that_cannot_be_used_is_a_bad_row(
    more: dict[str, Any], expected: str
) -> None:
    assert reason(click(**more)) == expected


@pytest.mark.parametrize("name", OURS)
def test_what_the_collector_sets_is_not_taken_from_a_sender(name: str) -> None:
    assert reason(click(**{name: "2020-01-01T00:00:00Z"})) == "zap.reserved"


@pytest.mark.parametrize("event", [None, 3, "click", ["click"]])
def test_what_is_no_object_is_a_bad_row(event: Any) -> None:
    assert reason(event) == "zap.event"


def test_events_may_nest_32_deep_and_no_deeper() -> None:
    def nested(levels: int) -> dict[str, Any]:
        """An event of so many levels, itself and its properties among them."""
        value: Any = {"end": 1}
        for _ in range(levels - 3):
            value = [value]
        return click(properties={"value": value})

    assert len(parse(nested(32)).events) == 1
    assert reason(nested(33)) == "zap.depth"


def test_a_clock_of_the_sending_that_is_none_makes_bad_rows() -> None:
    parsed = parse(click(timestamp=iso(1)), sent_at="now")
    assert [row.reason for row in parsed.bad] == ["zap.time"]
    assert "sent_at" in parsed.bad[0].detail


def test_whole_numbers_are_ids_and_empty_texts_are_left_out() -> None:
    (event,) = parse(click(user_id=17, referrer="", url=None)).events
    assert event["user_id"] == "17"
    assert not {"referrer", "url"} & event.keys()


def test_an_event_without_an_id_is_given_one() -> None:
    first, second = parse(click(event_id=None), click(event_id="")).events
    assert first["event_id_made"] and second["event_id_made"]
    assert len({first["event_id"], second["event_id"]}) == 2
    assert "event_id_made" not in parse(click()).events[0]


def test_the_agent_is_that_of_a_page_but_not_that_of_a_server() -> None:
    agent = {"user_agent": "Mozilla/5.0 (X11)"}
    page = agent | {"origin": "https://shop.example"}
    assert parse(click(), headers=page).events[0]["user_agent"] == "Mozilla/5.0 (X11)"
    assert "user_agent" not in parse(click(), headers=agent).events[0]
    own = click(user_agent="of the visitor")
    assert parse(own, headers=page).events[0]["user_agent"] == "of the visitor"


def test_half_a_character_takes_no_event_with_it() -> None:
    body = rb"""{"key": "k", "events": [
        {"event_id": "1", "anonymous_id": "a", "type": "t", "properties":
         {"cut": "ab\ud83d", "whole": "\ud83d\ude00", "escaped": "\\ud83d",
          "last": "\uDE00", "big": 18446744073709551615}},
        {"event_id": "2", "anonymous_id": "a", "type": "t"}]}"""
    first, second = ZAP.parse(asked(body, "/v1/collect")).events
    assert first["properties"] == {
        "cut": "ab\ufffd",
        "whole": "\U0001f600",
        "escaped": r"\ud83d",
        "last": "\ufffd",
        "big": 2**64 - 1,
    }
    assert second["event_id"] == "2"


def test_what_a_browser_had_no_room_for_is_counted() -> None:
    parsed = parse(click(), lost=3)
    (row,) = parsed.bad
    assert (row.reason, row.payload) == ("zap.lost", {"lost": 3})
    for nothing in (0, -1, None, True, "3", 1.5):
        assert not parse(click(), lost=nothing).bad


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        (b"", Fate.MALFORMED),
        (b"{", Fate.MALFORMED),
        (b"[]", Fate.MALFORMED),
        (b'{"key": "k", "events": NaN}', Fate.MALFORMED),
        (rb'{"key": "k", "events": ["\ud83d"', Fate.MALFORMED),
        (b'{"key": "k"}', Fate.MALFORMED),
        (b'{"key": "k", "events": {}}', Fate.MALFORMED),
        (b'{"events": []}', Fate.NO_KEY),
        (b'{"key": "", "events": []}', Fate.NO_KEY),
        (b'{"key": 5, "events": []}', Fate.NO_KEY),
        (b'{"key": "k", "events": ' + b"[" * 200 + b"]" * 200 + b"}", Fate.TOO_LARGE),
        (rb'{"key": "\ud83d", "events": ' + b"[" * 10**5, Fate.MALFORMED),
    ],
)
def test_a_body_that_is_wrong_as_a_whole_is_not_taken(body: bytes, fate: Fate) -> None:
    with pytest.raises(Unaccepted) as caught:
        ZAP.parse(asked(body, "/v1/collect"))
    assert caught.value.fate is fate


def test_the_answer_counts_and_says_why() -> None:
    parsed = parse(click(), *[click(type="")] * 30)
    reply = ZAP.accepted(asked(path="/v1/collect"), parsed)
    told = json.loads(reply.body)
    assert (reply.status, told["events"], told["bad"]) == (200, 1, 30)
    assert [each["reason"] for each in told["reasons"]] == ["zap.type"] * MAX_SHOWN


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        (Fate.NO_KEY, 401),
        (Fate.ORIGIN, 403),
        (Fate.MALFORMED, 400),
        (Fate.TOO_LARGE, 413),
        (Fate.TOO_MANY, 429),
        (Fate.FULL, 503),
        (Fate.FAILED, 503),
        (Fate.NOT_FOUND, 404),
    ],
)
def test_a_refusal_says_whether_to_come_again(fate: Fate, status: int) -> None:
    reply = ZAP.refused(asked(path="/v1/collect"), Unaccepted(fate, "why", 1.2))
    assert reply.status == status
    assert json.loads(reply.body) == {"error": {"code": fate.value, "message": "why"}}
    assert (b"retry-after", b"2") in reply.headers


def test_the_script_is_there_for_whoever_asks() -> None:
    for path in ("/zap.js", "/zap.d.ts"):
        request = asked(path=path, method="GET", accept_encoding="br, gzip")
        parsed = ZAP.parse(request)
        assert parsed == Parsed(None)
        packed = ZAP.accepted(request, parsed)
        plain = ZAP.accepted(asked(path=path, method="GET"), parsed)
        assert gzip.decompress(packed.body) == plain.body
        assert plain.status == 200 and b"zap" in plain.body
        headers = dict(packed.headers)
        assert headers[b"content-encoding"] == b"gzip"
        assert headers[b"cache-control"] == b"public, max-age=3600"
        again = asked(
            path=path,
            method="GET",
            accept_encoding="gzip",
            if_none_match=headers[b"etag"].decode(),
        )
        assert ZAP.accepted(again, parsed).status == 304

"""What trackers of Snowplow send, and what they are told."""

from __future__ import annotations

import base64
import json
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowplow_tracker import Emitter

from tests.collect.protocols.asked import (
    RECEIVED_US,
    TP2,
    asked,
    batch,
    contexts,
    unstruct,
)
from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Request, Unaccepted
from zap.collect.protocols.snowplow import PIXEL, Snowplow, Visited

SNOWPLOW = Snowplow()
RETRIED = {Fate.TOO_MANY, Fate.FULL, Fate.FAILED}
SCHEMA = "iglu:com.acme/thing/jsonschema/1-0-0"

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
trees = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(words, inner), max_leaves=9
)


def one(parameters: dict[str, Any], **told: Any) -> dict[str, Any]:
    parsed = SNOWPLOW.parse(asked(batch(parameters), **told))
    assert not parsed.bad
    (event,) = parsed.events
    return event


def refused(parameters: dict[str, Any]) -> BadRow:
    parsed = SNOWPLOW.parse(asked(batch(parameters)))
    assert not parsed.events
    (row,) = parsed.bad
    assert row.payload == parameters
    return row


@given(
    st.dictionaries(words, scalars | st.floats(allow_nan=False, allow_infinity=False))
)
def test_json_in_base64_is_what_the_standard_library_coded(
    data: dict[str, Any],
) -> None:
    text = json.dumps(json.loads(unstruct(SCHEMA, data)), ensure_ascii=False).encode()
    safe = base64.urlsafe_b64encode(text).decode()
    for coded in (safe, safe.rstrip("="), base64.b64encode(text).decode()):
        assert one({"e": "ue", "ue_px": coded})["properties"] == data
    assert one({"e": "ue", "ue_pr": text.decode()})["properties"] == data


@given(words.filter(bool), words.filter(bool))
def test_a_pixel_says_what_a_post_says(title: str, label: str) -> None:
    parameters = {"e": "se", "page": title, "se_ac": "a", "se_la": label, "eid": "1"}
    query = urlencode(parameters).encode()
    parsed = SNOWPLOW.parse(
        asked(path="/i", method="GET", query=query, cookie="sp=" + "n" * 16)
    )
    posted = SNOWPLOW.parse(asked(batch(parameters), cookie="sp=" + "n" * 16))
    assert [*parsed.events] == [*posted.events]


times = st.integers(1_600_000_000_000, 1_800_000_000_000)


@given(st.none() | times, st.none() | times, st.none() | times)
def test_times_are_by_the_devices_clock(
    true: int | None, created: int | None, sent: int | None
) -> None:
    clocks = {"ttm": true, "dtm": created, "stm": sent}
    given_clocks = {name: str(ms) for name, ms in clocks.items() if ms is not None}
    received_ms = RECEIVED_US / 1000
    if true is not None:
        expected = float(true)
    elif created is not None and sent is not None:
        expected = received_ms - (sent - created)
    else:
        expected = received_ms
    event = one({"e": "pv", **given_clocks})
    assert event["timestamp"] == min(expected, received_ms) * 1000
    assert event["received_at"] == RECEIVED_US


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "event_kind"),
        ({"e": "xx"}, "event_kind"),
        ({"e": ["pv"]}, "event"),
        ({"e": "pv", "dtm": "yesterday"}, "time"),
        ({"e": "pv", "ttm": "-9999999999999"}, "time"),
        ({"e": "pv", "ttm": "9" * 4000}, "time"),
        ({"e": "ue"}, "self_describing"),
        ({"e": "ue", "ue_px": "***"}, "self_describing"),
        ({"e": "ue", "ue_pr": "{"}, "self_describing"),
        ({"e": "ue", "ue_pr": "[]"}, "self_describing"),
        ({"e": "ue", "ue_pr": unstruct("iglu:other", {})}, "self_describing"),
        ({"e": "ue", "ue_pr": unstruct(SCHEMA, [1])}, "self_describing"),
        ({"e": "pv", "co": "{}"}, "contexts"),
        ({"e": "pv", "co": contexts({"data": {}})}, "contexts"),
        ({"e": "pv", "cx": "AAAA"}, "contexts"),
    ],
)
def test_what_is_no_event_is_kept_with_its_reason(
    parameters: dict[str, Any], reason: str
) -> None:
    assert refused(parameters).reason == f"snowplow.{reason}"


def test_json_that_clients_get_wrong_is_mended() -> None:
    """Half an emoji of a browser, and NaN of Python, in an event or in its batch."""
    written = '{"cut": "ab\\ud83d", "n": NaN, "big": 1e999, "m": 18446744073709551615}'
    sent = {"e": "ue", "ue_pr": unstruct(SCHEMA, {}).replace("{}", written)}
    read = {"cut": "ab\ufffd", "n": None, "big": None, "m": 2**64 - 1}
    assert one(sent)["properties"] == read
    assert one({"e": "pv", "page": "ab\ud83d", "refr": "r"})["page_title"] == "ab\ufffd"


def test_details_tell_nothing_that_privacy_would_drop() -> None:
    secret = "ann@example.org"
    for data in ([secret], secret):
        row = refused({"e": "ue", "ue_pr": unstruct(SCHEMA, [data])})
        assert secret not in row.detail


@pytest.mark.parametrize(("depth", "fits"), [(28, True), (400, False)])
def test_json_in_texts_is_held_to_a_depth_too(depth: int, fits: bool) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    sent = {"e": "ue", "ue_pr": unstruct(SCHEMA, {}).replace("{}", nested)}
    if fits:
        assert one(sent)["type"] == "thing"
    else:
        assert refused(sent).reason == "snowplow.depth"


def test_values_that_do_not_fit_their_fields_are_kept_as_they_came() -> None:
    odd = {"vid": "many", "res": "big", "cookie": "yes", "x": "1", "tr_tt": "inf"}
    event = one({"e": "pv", **odd})
    assert event["parameters"] == odd
    assert one({"e": "pv", "vid": 7, "url": ""}).get("url") is None
    assert one({"e": "pv", "vid": 7})["domain_sessionidx"] == 7


def test_an_event_without_an_id_gets_one() -> None:
    event = one({"e": "pv"})
    assert event["event_id_made"] is True and UUID(event["event_id"]).version == 4
    assert "event_id_made" not in one({"e": "pv", "eid": "x"})


def test_what_the_request_tells_fills_what_the_event_does_not() -> None:
    headers = {"user_agent": "Browser", "referer": "https://shop.example/"}
    bare = one({"e": "pv"}, **headers)
    assert bare["user_agent"] == "Browser" and bare["url"] == "https://shop.example/"
    assert bare["user_ipaddress"] == "192.0.2.7"
    full = one({"e": "pv", "ua": "Other", "url": "u", "ip": "198.51.100.1"}, **headers)
    assert (full["user_agent"], full["url"]) == ("Other", "u")
    assert full["user_ipaddress"] == "198.51.100.1"


# Keys


def test_the_app_id_is_the_key() -> None:
    parsed = SNOWPLOW.parse(asked(batch({"e": "pv", "aid": "shop"}, {"e": "pv"})))
    assert parsed.key == "shop" and len(parsed.events) == 2
    assert SNOWPLOW.parse(asked(batch({"e": "pv"}))).key is None


def test_a_second_app_id_is_not_taken_for_the_first() -> None:
    parsed = SNOWPLOW.parse(
        asked(batch({"e": "pv", "aid": "a"}, {"e": "pv", "aid": "b"}))
    )
    assert parsed.key == "a" and [e["app_id"] for e in parsed.events] == ["a"]
    assert [row.reason for row in parsed.bad] == ["snowplow.app_id"]


@pytest.mark.parametrize(
    ("path", "query"),
    [("/sp/K/" + TP2, b""), ("/sp/K/any/thing", b""), ("/sp/K", b""), (TP2, b"key=K")],
)
def test_a_key_in_the_address_goes_before_app_ids(path: str, query: bytes) -> None:
    body = batch({"e": "pv", "aid": "a"}, {"e": "pv", "aid": "b"})
    parsed = SNOWPLOW.parse(asked(body, path=path, query=query))
    assert parsed.key == "K" and [e["app_id"] for e in parsed.events] == ["a", "b"]
    pixel = asked(path="/sp/K/i", method="GET", query=b"e=pv&aid=a")
    assert SNOWPLOW.parse(pixel).key == "K"


# Cookies


def cookie_of(request: Request) -> tuple[str | None, Any]:
    parsed = SNOWPLOW.parse(request)
    headers = dict(SNOWPLOW.accepted(request, parsed).headers)
    told = SimpleCookie(headers.get(b"set-cookie", b"").decode())
    (event,) = parsed.events
    return event.get("network_userid"), told.get("sp")


def test_a_browser_is_known_again_by_its_cookie() -> None:
    body = batch({"e": "pv"})
    first, cookie = cookie_of(asked(body, origin="https://shop.example"))
    assert cookie.value == first and UUID(first).version == 4
    assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "None"
    assert (cookie["path"], cookie["max-age"]) == ("/", str(365 * 24 * 3600))
    again, cookie = cookie_of(asked(body, cookie=f"a=b; sp={first}; c=d"))
    assert cookie.value == again == first


def test_a_cookie_that_is_no_id_is_replaced() -> None:
    forged = "x\r\nset-cookie: a=b"
    found, cookie = cookie_of(asked(batch({"e": "pv"}), cookie=f"sp={forged}"))
    assert cookie.value == found and UUID(found).version == 4


def test_a_page_without_tls_gets_a_cookie_that_its_browser_keeps() -> None:
    _, cookie = cookie_of(asked(batch({"e": "pv"}), origin="http://localhost:8000"))
    assert not cookie["secure"] and cookie["samesite"] == "Lax"


def test_who_wants_to_be_anonymous_gets_no_cookie_and_leaves_no_address() -> None:
    request = asked(batch({"e": "pv"}), sp_anonymous="*", cookie="sp=" + "a" * 20)
    found, cookie = cookie_of(request)
    assert found is None and cookie is None
    (event,) = SNOWPLOW.parse(request).events
    assert "user_ipaddress" not in event


# Answers


@pytest.mark.parametrize("fate", Fate)
def test_trackers_stop_or_try_again_as_they_should(fate: Fate) -> None:
    reply = SNOWPLOW.refused(asked(), Unaccepted(fate, "why", retry_after_s=1.5))
    emitter = Emitter("localhost")
    assert emitter._should_retry(reply.status) == (fate in RETRIED)
    assert dict(reply.headers)[b"retry-after"] == b"2"


def test_both_ways_are_answered_as_trackers_expect() -> None:
    post = asked(batch({"e": "pv"}))
    assert SNOWPLOW.accepted(post, SNOWPLOW.parse(post)).status == 200
    pixel = asked(path="/i", method="GET", query=b"e=pv")
    reply = SNOWPLOW.accepted(pixel, SNOWPLOW.parse(pixel))
    assert (reply.status, dict(reply.headers)[b"content-type"]) == (200, b"image/gif")
    assert reply.body == PIXEL and reply.body[:6] == b"GIF89a"


# Whatever comes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"schema":"iglu:x","data":[{}]}',
        json.dumps(batch()).encode(),
        b"[" * 5_000,
    ],
)
def test_a_body_that_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(Unaccepted):
        SNOWPLOW.parse(asked(body))


@pytest.mark.parametrize("query", [b"e=%ff%fe", b"&".join([b"a=1"] * 2_000)])
def test_a_query_that_cannot_be_read_is_refused(query: bytes) -> None:
    with pytest.raises(Unaccepted):
        SNOWPLOW.parse(asked(path="/i", method="GET", query=query))


NAMES = st.sampled_from(["e", "eid", "aid", "dtm", "stm", "ttm", "vid", "res", "vp"])
NAMES |= st.sampled_from(["co", "cx", "ue_pr", "ue_px", "se_va", "tr_tt", "cookie"])
KINDS = st.sampled_from(["pv", "pp", "se", "ue", "tr", "ti", "ad", "ev"])
SENT = st.dictionaries(NAMES | words, trees).flatmap(
    lambda sent: st.builds(lambda kind: {**sent, "e": kind}, KINDS | trees)
)


@given(st.lists(SENT | trees, min_size=1))
def test_each_thing_sent_is_an_event_or_a_bad_row(sent: list[Any]) -> None:
    parsed = SNOWPLOW.parse(asked(batch(*sent)))
    assert len(parsed.events) + len(parsed.bad) == len(sent)
    for event in parsed.events:
        assert {"event_id", "timestamp", "received_at", "type"} <= {*event}
        assert event["timestamp"] <= event["received_at"] and event["type"]
        json.dumps(event, allow_nan=False)


@given(st.binary(), st.binary(), st.dictionaries(st.binary(), st.binary()))
def test_nothing_raises_but_a_refusal(
    body: bytes, query: bytes, headers: dict[bytes, bytes]
) -> None:
    for method, path in (
        ("POST", TP2),
        ("GET", "/i"),
        ("POST", "/sp/"),
        ("GET", "/sp"),
    ):
        named = headers | {b"cookie": body, b"referer": query, b"user-agent": body}
        request = Request(method, path, query, named, body, RECEIVED_US)
        try:
            parsed = SNOWPLOW.parse(request)
        except Unaccepted as why:
            assert 400 <= SNOWPLOW.refused(request, why).status < 600
        else:
            assert isinstance(parsed, Visited)
            assert SNOWPLOW.accepted(request, parsed).status == 200

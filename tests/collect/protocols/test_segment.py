"""What clients of Segment and RudderStack send, and what they are told."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rudderstack.analytics import request as rudder_request
from segment.analytics import request as segment_request

from tests.collect.protocols.asked import RECEIVED_US, asked
from zap.collect.event import CANONICAL, BadRow
from zap.collect.protocol import Fate, Parsed, Unaccepted
from zap.collect.protocols.rudderstack import BEACON, RudderStack
from zap.collect.protocols.segment import BATCHES, SINGLES, Segment

SEGMENT, RUDDERSTACK = Segment(), RudderStack()
BOTH = pytest.mark.parametrize("protocol", [SEGMENT, RUDDERSTACK])
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"
RETRIED = {Fate.TOO_MANY, Fate.FULL, Fate.FAILED}

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(words, inner), max_leaves=9
)
KEYS = [
    "type",
    "event",
    "messageId",
    "anonymousId",
    "userId",
    "previousId",
    "groupId",
    "timestamp",
    "sentAt",
    "originalTimestamp",
    "receivedAt",
    "context",
    "properties",
    "traits",
    "integrations",
    "name",
    "writeKey",
    "source",
    "sequence",
    "event_id",
    "parameters",
    "batch",
]
objects = st.dictionaries(st.sampled_from(KEYS) | words, trees, max_size=9)


def call(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Bought", "messageId": "m", "userId": "u"} | more


def batched(*calls: Any, protocol: Segment = SEGMENT, **more: Any) -> Parsed:
    return protocol.parse(asked({"batch": [*calls]} | more, path="/v1/batch"))


def one(sent: dict[str, Any], protocol: Segment = SEGMENT, **more: Any) -> Any:
    parsed = batched(sent, protocol=protocol, **more)
    assert not parsed.bad
    (event,) = parsed.events
    return event


def bad(sent: Any) -> BadRow:
    parsed = batched(sent)
    assert not parsed.events
    (row,) = parsed.bad
    return row


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("track", "Bought"),
        ("page", "page_view"),
        ("screen", "screen_view"),
        ("identify", "identify"),
        ("group", "group"),
        ("alias", "alias"),
    ],
)
@BOTH
def test_every_call_has_its_type_on_every_path(
    protocol: Segment, kind: str, read: str
) -> None:
    sent = call(type=kind)
    assert one(sent, protocol)["type"] == read
    for path in (f"/v1/{kind}", f"/v1/{kind[0]}"):
        untyped = {key: value for key, value in sent.items() if key != "type"}
        for body in (sent, untyped):
            (event,) = protocol.parse(asked(body, path=path)).events
            assert event["type"] == read


def test_what_has_no_field_stays_as_it_came() -> None:
    rest = {
        "properties": {"total": 12.5, "items": [{"sku": "a"}], "url": 7},
        "context": {"library": {"name": "x"}, "page": {"path": "/"}},
        "integrations": {"All": True},
        "traits": {"plan": "pro"},
        "groupId": "g",
        "name": "Home",
        "channel": "web",
        "_metadata": {"bundled": ["Segment.io"]},
        "anonymousId": {"no": "id"},
    }
    event = one(call(**rest, writeKey="secret"))
    assert event == rest | {
        "type": "Bought",
        "event": "Bought",
        "event_id": "m",
        "user_id": "u",
        "timestamp": RECEIVED_US,
        "received_at": RECEIVED_US,
    }


@settings(max_examples=50)
@given(objects)
def test_no_key_of_a_client_passes_for_ours(sent: dict[str, Any]) -> None:
    ours = {name: "theirs" for name in (*CANONICAL, "event_id_made", "sent_at")}
    del ours["type"], ours["timestamp"]
    parsed = batched(call(**sent) | ours | {"messageId": "m", "userId": "u"})
    for event in parsed.events:
        assert (event["event_id"], event["user_id"]) == ("m", "u")
        assert event["received_at"] == RECEIVED_US
        assert "source" not in event and "sequence" not in event
        assert event["parameters"].items() >= ours.items()
        assert event.get("sent_at") != "theirs" and "event_id_made" not in event


def test_context_and_integrations_of_a_batch_are_those_of_its_calls() -> None:
    shared = {"context": {"ip": "::1", "locale": "en"}, "integrations": {"All": False}}
    event = one(call(context={"locale": "de"}), **shared)
    assert event["context"] == {"ip": "::1", "locale": "de"}
    assert event["integrations"] == {"All": False}


def test_traits_stand_in_one_place() -> None:
    inside = {"traits": {"plan": "pro"}}
    event = one(call(type="identify", traits={}, context=inside), RUDDERSTACK)
    assert event["traits"] == {"plan": "pro"} and event["context"] == inside
    assert "traits" not in one(call(context=inside), RUDDERSTACK)
    own = one(call(type="identify", traits={"plan": "free"}, context=inside))
    assert own["traits"] == {"plan": "free"}


def test_a_made_id_says_so() -> None:
    sent = call()
    del sent["messageId"]
    first, second = batched(sent, sent).events
    assert UUID(first["event_id"]).version == 4 and first["event_id_made"] is True
    assert first["event_id"] != second["event_id"]


def test_ids_that_are_numbers_are_texts() -> None:
    event = one(call(userId=7, anonymousId=1.5, messageId=9))
    assert (event["user_id"], event["anonymous_id"]) == ("7", "1.5")
    assert event["event_id"] == "9"


def test_numbers_that_two_ids_may_share_are_no_ids() -> None:
    ids = [123456789012345678901, 123456789012345678902]
    first, second = batched(*(call(messageId=each) for each in ids)).events
    assert first["event_id"] != second["event_id"] and first["event_id_made"]
    (bad,) = batched(call(userId=ids[0])).bad
    assert bad.reason == "segment.id"
    assert one(call(messageId=2**64 - 1))["event_id"] == str(2**64 - 1)


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ({"previousId": "p", "userId": "u"}, ("p", "u")),
        ({"previousId": "p", "anonymousId": "a", "userId": "u"}, ("p", "u")),
        ({"anonymousId": "a", "userId": "u"}, ("a", "u")),
        ({"anonymousId": "a"}, ("a", None)),
    ],
)
def test_an_alias_links_the_previous_id(sent: Any, ids: Any) -> None:
    event = one({"type": "alias", **sent})
    assert (event.get("anonymous_id"), event.get("user_id")) == ids
    if "previousId" in sent and "anonymousId" in sent:
        assert event["anonymousId"] == "a"


def test_a_browser_tells_what_its_call_does_not() -> None:
    parsed = SEGMENT.parse(asked(call(), path="/v1/t", user_agent=BROWSER))
    (event,) = parsed.events
    assert event["user_agent"] == BROWSER
    assert event["context"] == {"ip": "192.0.2.7"}
    own = {"userAgent": "Mine", "ip": "::1"}
    parsed = SEGMENT.parse(asked(call(context=own), path="/v1/t", user_agent=BROWSER))
    assert parsed.events[0]["user_agent"] == "Mine"
    assert parsed.events[0]["context"] == own


def test_an_agent_of_a_server_is_nobodys() -> None:
    event = SEGMENT.parse(asked(call(), path="/v1/t", user_agent="python/3")).events[0]
    assert "user_agent" not in event and "context" not in event


def test_no_referrer_has_no_field() -> None:
    page = {"url": "https://shop.example/", "referrer": "$direct"}
    event = one(call(context={"page": page}), RUDDERSTACK)
    assert event["url"] == page["url"] and "referrer" not in event
    assert event["context"]["page"] == page


RECEIVED = datetime.fromtimestamp(RECEIVED_US / 1e6, UTC)


def at(**gap: float) -> str:
    return (RECEIVED + timedelta(**gap)).isoformat()


@pytest.mark.parametrize(
    ("times", "seconds_before_receipt"),
    [
        ({}, 0),
        ({"timestamp": at(seconds=-90)}, 90),
        ({"timestamp": at(seconds=-90), "sentAt": at()}, 90),
        ({"timestamp": at(days=-400), "sentAt": at(days=-400, seconds=3)}, 3),
        ({"originalTimestamp": at(days=400), "sentAt": at(days=400, hours=1)}, 3600),
        ({"originalTimestamp": at(hours=-2), "timestamp": at(), "sentAt": at()}, 7200),
        ({"timestamp": at(hours=9)}, 0),  # never after the receipt
        ({"timestamp": at(hours=-1), "sentAt": at(hours=-9)}, 0),
        ({"timestamp": at(hours=-1)[:-6]}, 3600),  # no zone: UTC
        ({"timestamp": at(hours=-1)[:19] + ".250999999Z"}, 3600 - 999e-6),
        ({"timestamp": "2023-11-14", "sentAt": ""}, 80_005.25),
        ({"timestamp": None, "sentAt": at()}, 0),
    ],
)
@BOTH
def test_the_clock_of_a_client_may_be_wrong_but_steady(
    protocol: Segment, times: dict[str, Any], seconds_before_receipt: float
) -> None:
    around = {"sentAt": times.pop("sentAt")} if len(times) > 2 else {}
    event = one(call(**times), protocol, **around)
    assert event["received_at"] == RECEIVED_US
    assert event["timestamp"] == RECEIVED_US - round(seconds_before_receipt * 1e6)
    client = times.get("originalTimestamp") or times.get("timestamp")
    assert event.get("original_timestamp") == client


@pytest.mark.parametrize(
    "times",
    [
        {"timestamp": "soon"},
        {"timestamp": 1_700_000_000},
        {"timestamp": "1700000000"},
        {"timestamp": "2024-02-30T00:00:00Z"},
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": "2024-01-01T00:00:00Z", "sentAt": "now"},
        {"timestamp": "1990-01-01T00:00:00Z", "sentAt": "2200-01-01T00:00:00Z"},
    ],
)
def test_a_time_that_is_none_is_a_bad_row(times: dict[str, Any]) -> None:
    row = bad(call(**times))
    assert row.reason == "segment.timestamp" and row.payload == call(**times)
    assert "Received: " in row.detail


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("text", "call"),
        ([], "call"),
        (None, "call"),
        (call(type="charge"), "type"),
        (call(type=None), "type"),
        (call(type=["track"]), "type"),
        (call(event=""), "event_name"),
        (call(event=7), "event_name"),
        (call(userId=None), "id"),
        (call(userId="", anonymousId={}), "id"),
        ({"type": "alias", "previousId": "p"}, "id"),
        (call(properties=json.loads("[" * 40 + "]" * 40)), "depth"),
        (call(properties={"long": "x" * (32 << 10)}), "too_large"),
    ],
)
def test_a_bad_call_is_kept_and_the_others_of_its_batch_are_taken(
    sent: Any, reason: str
) -> None:
    parsed = batched(call(messageId="1"), sent, call(messageId="2"))
    assert [event["event_id"] for event in parsed.events] == ["1", "2"]
    (row,) = parsed.bad
    assert row.reason == f"segment.{reason}" and "Expected" in row.detail
    assert row.payload == sent
    assert SEGMENT.accepted(asked(path="/v1/batch"), parsed).status == 200


def test_a_bad_call_is_kept_with_when_it_was_sent() -> None:
    parsed = batched(call(event=""), sentAt=at(), writeKey="k")
    (row,) = parsed.bad
    assert row.payload == call(event="", sentAt=at())


def test_a_bad_call_does_not_keep_its_key() -> None:
    sent = call(event="")
    parsed = SEGMENT.parse(asked(sent | {"writeKey": "k"}, path="/v1/t"))
    assert parsed.key == "k"
    (row,) = parsed.bad
    assert row.payload == sent


def test_a_damaged_call_does_not_spoil_its_batch() -> None:
    body = f'{{"batch": [{json.dumps(call())}, {{"type": "tr\xe4ck"}}]}}'
    parsed = SEGMENT.parse(asked(body.encode("latin-1"), path="/v1/batch"))
    assert len(parsed.events) == 1
    (row,) = parsed.bad
    assert row.reason == "segment.json" and row.payload == '{"type": "tr�ck"}'


def test_what_clients_write_as_json_is_read() -> None:
    """Halves of characters, of browsers, and Python's NaN and long numbers."""
    odd = call(
        event="cut \ud83d",
        properties={"n": float("nan"), "i": 10**30, "e": "\\ud800 😀"},
    )
    read = {"n": None, "i": 1e30, "e": "\\ud800 😀"}
    for path, sent in (("/v1/t", odd), ("/v1/batch", {"batch": [call(), odd]})):
        event = SEGMENT.parse(asked(sent, path=path)).events[-1]
        assert event["event"] == "cut �" and event["properties"] == read


def test_the_size_of_a_call_is_that_which_was_sent() -> None:
    text = json.dumps(call(properties={"long": "x" * 20_000}), indent=2)
    spaces = " " * ((32 << 10) - len(text))
    exact = text[:-1] + spaces + "}"
    for size, body in ((0, exact), (1, exact + " ")):
        if size:
            with pytest.raises(Unaccepted, match="32768") as caught:
                SEGMENT.parse(asked(body.encode(), path="/v1/t"))
            assert caught.value.fate is Fate.TOO_LARGE
        else:
            assert SEGMENT.parse(asked(body.encode(), path="/v1/t")).events
    wide = call(properties={"long": "x" * (100 << 10)})
    assert one(wide, RUDDERSTACK)["properties"] == wide["properties"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"null",
        b"{",
        b"{}",
        b'{"batch": {}}',
        b'{"batch": null}',
        b'{"batch": [1',
        b'{"batch": [nan]}',
        b'{"batch": [], "sentAt": }',
        b'{"batch": [NaN], "sentAt": "\xff"}',
    ],
)
def test_a_body_of_another_form_is_refused(body: bytes) -> None:
    for path in BATCHES:
        with pytest.raises(Unaccepted, match="Expected") as caught:
            SEGMENT.parse(asked(body, path=path))
        assert caught.value.fate is Fate.MALFORMED


def test_a_batch_full_of_commas_is_refused() -> None:
    body = b'{"batch": [' + b"0," * 10_000 + b"0]}"
    with pytest.raises(Unaccepted, match="10001") as caught:
        SEGMENT.parse(asked(body, path="/v1/batch"))
    assert caught.value.fate is Fate.TOO_LARGE


paths = st.sampled_from([*SINGLES, *BATCHES, BEACON])
bodies = (
    st.binary(max_size=200)
    | st.builds(orjson.dumps, trees)
    | st.builds(orjson.dumps, objects)
    | st.builds(lambda calls: orjson.dumps({"batch": calls}), st.lists(objects))
)


@BOTH
@settings(max_examples=60)
@given(bodies, paths, st.binary(max_size=20), st.binary(max_size=20))
def test_garbage_raises_nothing_but_what_it_may(
    protocol: Segment, body: bytes, path: str, query: bytes, header: bytes
) -> None:
    request = asked(body, path=path, query=query)
    if path == BEACON:
        protocol = RUDDERSTACK
    headers = {b"authorization": b"Basic " + header, b"user-agent": header}
    request = type(request)("POST", path, query, headers, body, RECEIVED_US)
    try:
        parsed = protocol.parse(request)
    except Unaccepted as why:
        assert why.fate in (Fate.MALFORMED, Fate.TOO_LARGE)
        return
    for event in parsed.events:
        orjson.dumps(event)
        assert event["type"] and event["event_id"]
        assert event.get("user_id") or event.get("anonymous_id")
        assert type(event["timestamp"]) is int
        assert event["timestamp"] <= event["received_at"] == RECEIVED_US
    for row in parsed.bad:
        orjson.dumps(row.payload)
        assert row.reason.startswith(f"{protocol.name}.")


BASIC = "Basic " + b64encode(b"basic:").decode()


@pytest.mark.parametrize(
    ("body", "query", "headers", "key"),
    [
        ("body", b"", {}, "body"),
        ("body", b"writeKey=q", {"authorization": BASIC}, "body"),
        ("body", b"", {"authorization": "Bearer a.token"}, "body"),
        (None, b"writeKey=q", {"authorization": BASIC}, "basic"),
        (None, b"", {"authorization": "bearer b"}, "b"),
        (None, b"a=1&writeKey=q%20q", {}, "q q"),
        (None, b"", {"x_write_key": "h"}, "h"),
        (7, b"", {}, None),
        (None, b"", {"authorization": "Basic !!"}, None),
        (None, b"", {"authorization": "Basic /w=="}, None),
        (None, b"", {"authorization": "Digest x"}, None),
        (None, b"writeKey=", {}, None),
    ],
)
@BOTH
def test_the_key_is_found_where_clients_put_it(
    protocol: Segment, body: Any, query: bytes, headers: Any, key: str | None
) -> None:
    more = {} if body is None else {"writeKey": body}
    for path, sent in (("/v1/t", call()), ("/v1/batch", {"batch": [call()]})):
        request = asked(sent | more, path=path, query=query, **headers)
        parsed = protocol.parse(request)
        assert parsed.key == key
        assert "writeKey" not in parsed.events[0]


@BOTH
@pytest.mark.parametrize("fate", Fate)
def test_clients_for_servers_understand_a_refusal(
    protocol: Segment, fate: Fate
) -> None:
    """By their own code: what they read of it, and whether they try again."""
    why = Unaccepted(fate, "Expected x. Received: y.", 1.2 if fate in RETRIED else 0)
    reply = protocol.refused(asked(path="/v1/batch"), why)
    told = json.loads(reply.body)
    assert told == {"code": fate.value, "message": "Expected x. Received: y."}
    headers = dict(reply.headers)
    assert headers.get(b"retry-after") == (b"2" if fate in RETRIED else None)
    assert 400 <= reply.status < 600  # a 3xx would be taken for success
    stops = 400 <= reply.status < 500 and reply.status not in (408, 410, 429, 460)
    assert stops == (fate not in RETRIED)
    for error in (segment_request.APIError, rudder_request.APIError):
        assert "Expected x" in str(error(reply.status, told["code"], told["message"]))


def test_settings_send_a_browser_back_to_where_it_asked() -> None:
    def told(path: str = "/v1/projects/wk/settings", **headers: str) -> Any:
        request = asked(path=path, method="GET", host="zap.example:81", **headers)
        parsed = SEGMENT.parse(request)
        assert parsed.key == "wk" and not parsed.events
        reply = SEGMENT.accepted(request, parsed)
        assert reply.status == 200
        return json.loads(reply.body)["integrations"]["Segment.io"]

    assert told()["apiHost"] == "zap.example:81/v1" and told()["apiKey"] == "wk"
    for headers, protocol in (
        ({}, "https"),
        ({"origin": "http://shop.example"}, "http"),
        ({"origin": "https://shop.example"}, "https"),
        ({"referer": "http://shop.example/a"}, "http"),
        ({"origin": "http://shop.example", "x_forwarded_proto": "https"}, "https"),
    ):
        assert told(**headers)["protocol"] == protocol
    for path in ("/v1/projects/wk", "/v1/projects/a/b/settings", "/v1/projects/"):
        with pytest.raises(Unaccepted) as caught:
            SEGMENT.parse(asked(path=path, method="GET"))
        assert caught.value.fate is Fate.NOT_FOUND


def test_the_configuration_of_a_source_of_rudderstack() -> None:
    for query, headers in (
        (b"p=npm&v=3&writeKey=wk&lockPluginsVersion=true", {}),
        (b"p=npm", {"authorization": "Basic " + b64encode(b"wk:").decode()}),
    ):
        request = asked(path="/sourceConfig/", method="GET", query=query, **headers)
        parsed = RUDDERSTACK.parse(request)
        assert parsed.key == "wk"
        reply = RUDDERSTACK.accepted(request, parsed)
        source = json.loads(reply.body)["source"]
        assert source["destinations"] == [] and source["id"]

"""What clients of PostHog send, and what they are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from posthog.capture_v1 import _RETRYABLE_STATUSES, _to_v1_event

from tests.collect.protocols.asked import RECEIVED_US, asked
from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Unaccepted
from zap.collect.protocols.posthog import FLAGS, PostHog

POSTHOG = PostHog()
LATER = "/i/v1/analytics/events"
RETRIED = {Fate.TOO_MANY, Fate.FULL, Fate.FAILED}
RECEIVED = datetime.fromtimestamp(RECEIVED_US / 1e6, UTC)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
trees = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(words, inner), max_leaves=9
)


def body(*events: Any, **more: Any) -> dict[str, Any]:
    return {"api_key": "phc", "batch": [*events], **more}


def one(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    parsed = POSTHOG.parse(asked(body(event, **more), path="/batch/"))
    assert parsed.key == "phc" and not parsed.bad
    (read,) = parsed.events
    return read


def refused(event: Any) -> BadRow:
    parsed = POSTHOG.parse(asked(body(event), path="/batch/"))
    assert not parsed.events
    (row,) = parsed.bad
    assert row.payload == event
    return row


def sent(name: str = "signed up", **properties: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": "d", "properties": properties}


@pytest.mark.parametrize(
    ("event", "ids"),
    [
        # on a server: a user, unless the client says otherwise
        (sent(), {"user_id": "d"}),
        (sent(**{"$process_person_profile": False}), {"anonymous_id": "d"}),
        # in a browser, before and after its visitor is known
        (sent(**{"$device_id": "d", "$is_identified": False}), {"anonymous_id": "d"}),
        (
            sent(**{"$device_id": "v", "$is_identified": True}),
            {"anonymous_id": "v", "user_id": "d"},
        ),
        (
            sent("$identify", **{"$anon_distinct_id": "a", "$device_id": "v"}),
            {"anonymous_id": "a", "user_id": "d"},
        ),
        (sent("$identify"), {"user_id": "d"}),
        (sent("$create_alias", alias="u"), {"anonymous_id": "d", "user_id": "u"}),
        (sent("$groupidentify", **{"$group_type": "team"}), {}),
    ],
)
def test_it_is_told_who_it_was(event: dict[str, Any], ids: dict[str, str]) -> None:
    read = one(event)
    assert {k: v for k, v in read.items() if k in ("anonymous_id", "user_id")} == ids
    assert read["distinct_id"] == "d"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("$pageview", "page_view"),
        ("$screen", "screen_view"),
        ("$identify", "identify"),
        ("$create_alias", "alias"),
        ("$groupidentify", "group"),
        ("$autocapture", "$autocapture"),
        ("$set", "$set"),
        ("order paid", "order paid"),
    ],
)
def test_names_are_those_of_other_tools(name: str, kind: str) -> None:
    assert one(sent(name))["type"] == kind


moments = st.datetimes(datetime(2001, 1, 1), datetime(2030, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)


@given(moments, moments, st.sampled_from(["", "+00:00", "Z"]))
def test_times_are_by_the_clients_clock(
    happened: datetime, sent_at: datetime, zone: str
) -> None:
    texts = [
        moment.replace(tzinfo=None).isoformat() + zone for moment in (happened, sent_at)
    ]
    read = one({**sent(), "timestamp": texts[0]}, sent_at=texts[1])
    expected = min(RECEIVED - (sent_at - happened), RECEIVED)
    found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=read["timestamp"])
    assert found == expected
    assert (read["original_timestamp"], read["sent_at"]) == (texts[0], texts[1])


def test_a_time_stands_where_the_client_does_not_tell_when_it_sent() -> None:
    then = "2023-01-02T03:04:05+01:00"
    expected = int(datetime.fromisoformat(then).timestamp()) * 1_000_000
    assert one({**sent(), "timestamp": then})["timestamp"] == expected
    ignored = {**sent(**{"$ignore_sent_at": True}), "timestamp": then}
    assert one(ignored, sent_at="2023-11-01T00:00:00Z")["timestamp"] == expected
    assert one(sent())["timestamp"] == RECEIVED_US
    assert one({**sent(), "offset": 250})["timestamp"] == RECEIVED_US - 250_000


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("text", "event"),
        ({"distinct_id": "d"}, "event_name"),
        ({"event": 5, "distinct_id": "d"}, "event_name"),
        ({"event": "e", "distinct_id": "d", "properties": [1]}, "event"),
        ({"event": "e"}, "distinct_id"),
        ({"event": "e", "distinct_id": {}}, "distinct_id"),
        ({"event": "e", "distinct_id": "d", "timestamp": "soon"}, "time"),
        ({"event": "e", "distinct_id": "d", "timestamp": 5}, "time"),
        ({"event": "e", "distinct_id": "d", "timestamp": "1815-01-01"}, "time"),
        (json.loads('{"event":"e","p":' + "[" * 40 + "]" * 40 + "}"), "depth"),
    ],
)
def test_what_is_no_event_is_kept_with_its_reason(event: Any, reason: str) -> None:
    assert refused(event).reason == f"posthog.{reason}"


def test_nothing_sent_is_lost() -> None:
    event = {
        **sent("$pageview", **{"$current_url": "u", "$referrer": "r", "n": [1]}),
        "$set": {"plan": "free"},
        "type": "capture",
        "library": "posthog-node",
        "uuid": "018f",
    }
    read = one(event)
    assert (read["url"], read["referrer"], read["event_id"]) == ("u", "r", "018f")
    assert read["properties"] == event["properties"]
    assert read["$set"] == {"plan": "free"} and read["library"] == "posthog-node"
    assert read["parameters"] == {"type": "capture"}
    assert "context" not in read
    assert one(sent(**{"$referrer": "$direct"})).get("referrer") is None


def test_the_address_of_a_page_is_its_visitors() -> None:
    request = asked(body(sent()), path="/batch/", origin="https://shop.example")
    (read,) = POSTHOG.parse(request).events
    assert read["context"] == {"ip": "192.0.2.7"}


def test_an_event_without_an_id_gets_one() -> None:
    read = one(sent())
    assert read["event_id_made"] is True and UUID(read["event_id"]).version == 4


def test_both_protocols_give_the_same_events() -> None:
    """The oracle is the client's own translation of one into the other."""
    event = {
        **sent(
            "paid", **{"$session_id": "s", "$process_person_profile": False, "n": 1}
        ),
        "uuid": "018f0000-0000-7000-8000-000000000000",
        "timestamp": "2023-11-14T22:13:20+00:00",
        "$set": {"plan": "free"},
    }
    event["properties"] |= {"$lib": "posthog-python", "$lib_version": "7"}
    now = "2023-11-14T22:13:24+00:00"
    later = asked(
        {"created_at": now, "batch": [_to_v1_event(event)]},
        path=LATER,
        authorization="Bearer phc",
        posthog_sdk_info="posthog-python/7",
        posthog_request_timestamp=now,
    )
    parsed = POSTHOG.parse(later)
    assert parsed.key == "phc"
    (read,) = parsed.events
    earlier = one(event, sent_at=now)
    earlier["properties"]["$set"] = earlier.pop("$set")
    assert read == earlier
    answer = json.loads(POSTHOG.accepted(later, parsed).body)
    assert answer == {"results": {event["uuid"]: {"result": "ok"}}}


def test_the_later_protocol_tells_what_became_of_each() -> None:
    good = {**sent(), "uuid": "g", "options": {}}
    bad = {**sent(""), "uuid": "b", "options": {}}
    request = asked({"batch": [good, bad]}, path=LATER, authorization="Bearer k")
    results = json.loads(POSTHOG.accepted(request, POSTHOG.parse(request)).body)
    assert results["results"]["g"] == {"result": "ok"}
    assert results["results"]["b"]["result"] == "drop"


def test_a_single_event_is_read_too() -> None:
    request = asked({"api_key": "phc", **sent(n=1)}, path="/capture/")
    parsed = POSTHOG.parse(request)
    (event,) = parsed.events
    assert parsed.key == "phc" and event["properties"] == {"n": 1}
    assert "api_key" not in event


@pytest.mark.parametrize("path", FLAGS)
def test_there_are_no_flags(path: str) -> None:
    request = asked({"token": "phc", "distinct_id": "d"}, path=path)
    parsed = POSTHOG.parse(request)
    assert parsed.key == "phc" and not parsed.events and not parsed.bad
    answer = json.loads(POSTHOG.accepted(request, parsed).body)
    assert answer["flags"] == {} and answer["errorsWhileComputingFlags"] is False


@pytest.mark.parametrize("fate", Fate)
def test_clients_stop_or_try_again_as_they_should(fate: Fate) -> None:
    request = asked(path="/batch/")
    reply = POSTHOG.refused(request, Unaccepted(fate, "why", retry_after_s=0.2))
    assert (reply.status in _RETRYABLE_STATUSES) == (fate in RETRIED)
    assert dict(reply.headers)[b"retry-after"] == b"1"
    assert json.loads(reply.body)["detail"] == "why"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"{}", b'{"batch":{}}', b"\xff"])
def test_a_body_that_is_no_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(Unaccepted):
        POSTHOG.parse(asked(raw, path="/batch/"))


NAMES = st.sampled_from(["event", "distinct_id", "timestamp", "uuid", "offset", "$set"])
INNER = st.sampled_from(["$device_id", "$is_identified", "alias", "$current_url"])
SENT = st.fixed_dictionaries(
    {"event": words | trees, "distinct_id": words | trees},
    optional={"properties": st.dictionaries(INNER | words, trees), "options": trees},
)


@given(st.lists(SENT | st.dictionaries(NAMES, trees) | trees), trees)
def test_each_thing_sent_is_an_event_or_a_bad_row(batch: list[Any], at: Any) -> None:
    for path in ("/batch/", LATER):
        request = asked(body(*batch, sent_at=at), path=path)
        parsed = POSTHOG.parse(request)
        assert len(parsed.events) + len(parsed.bad) == len(batch)
        assert POSTHOG.accepted(request, parsed).status == 200
        for event in parsed.events:
            assert {"event_id", "timestamp", "received_at", "type"} <= {*event}
            assert event["timestamp"] <= event["received_at"]
            assert all(
                isinstance(event.get(key, ""), str) for key in ("url", "user_id")
            )


@given(st.binary() | trees, st.dictionaries(st.binary(), st.binary()))
def test_nothing_raises_but_a_refusal(raw: Any, headers: dict[bytes, bytes]) -> None:
    for method, path in POSTHOG.routes:
        request = asked(raw, path=path, method=method)
        named = {b"authorization": b"".join(headers), **headers}
        request = type(request)(method, path, b"", named, request.body, RECEIVED_US)
        try:
            parsed = POSTHOG.parse(request)
        except Unaccepted as why:
            assert 400 <= POSTHOG.refused(request, why).status < 600
        else:
            assert POSTHOG.accepted(request, parsed).status == 200

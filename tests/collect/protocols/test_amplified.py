"""What a small request may become: bounded, whatever it says once of many events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from zap.collect.app.config import SourceConfig
from zap.collect.app.sources import Sources
from zap.collect.app.taking import MOST_RECORD_BYTES, Taken, Taking
from zap.collect.checks.checks import Checks
from zap.collect.protocol import Fate, Request, Unaccepted
from zap.collect.protocols import PROTOCOLS
from zap.collect.protocols.many import MOST_EVENTS

TP2 = "/com.snowplowanalytics.snowplow/tp2"
SCHEMA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
CALL = {"type": "track", "event": "seen", "userId": "ann"}
EVENTS: Mapping[str, Mapping[str, Any]] = {
    "segment": CALL,
    "rudderstack": CALL,
    "posthog": {"event": "seen", "distinct_id": "ann"},
    "snowplow": {"e": "pv", "aid": "k"},
    "zap": {"type": "seen", "user_id": "ann"},
}


def body_of(name: str, events: Sequence[Any], **about: Any) -> tuple[str, bytes]:
    """The path and the body of a batch."""
    path, said = {
        "segment": ("/v1/batch", {"writeKey": "k", "batch": events}),
        "rudderstack": ("/v1/batch", {"writeKey": "k", "batch": events}),
        "posthog": ("/batch/", {"api_key": "k", "batch": events}),
        "snowplow": (TP2, {"schema": SCHEMA, "data": events}),
        "zap": ("/v1/collect", {"key": "k", "events": events}),
    }[name]
    return path, json.dumps({**said, **about}, separators=(",", ":")).encode()


def take(
    name: str,
    path: str,
    body: bytes,
    query: bytes = b"",
    headers: Mapping[bytes, bytes] | None = None,
) -> Taken:
    config = {"shop": SourceConfig(protocols=[name], keys=["k"], origins=["*"])}
    protocol = PROTOCOLS[name]()
    taken = Taken(protocol)
    request = Request("POST", path, query, headers or {}, body, 10**15)
    Taking(Sources(config), Checks(config)).take([protocol], request, taken)
    return taken


@pytest.mark.parametrize("name", EVENTS)
def test_a_body_full_of_commas_is_refused_as_a_whole(name: str) -> None:
    path, body = body_of(name, [0] * (MOST_EVENTS + 1))
    with pytest.raises(Unaccepted) as refused:
        take(name, path, body)
    assert refused.value.fate is Fate.TOO_LARGE


@pytest.mark.parametrize("name", EVENTS)
def test_as_many_as_may_be_are_taken(name: str) -> None:
    path, body = body_of(name, [EVENTS[name]] * MOST_EVENTS)
    assert take(name, path, body).events == MOST_EVENTS


LONG = "x" * 300_000


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("segment", {"context": {"a": LONG}}),
        ("segment", {"integrations": {"a": LONG}}),
        ("segment", {"sentAt": LONG}),
        ("rudderstack", {"context": {"a": LONG}}),
        ("posthog", {"sent_at": LONG}),
        ("zap", {"sent_at": LONG}),
    ],
)
def test_what_is_said_once_is_not_kept_a_thousand_times(
    name: str, about: Mapping[str, Any]
) -> None:
    path, body = body_of(name, [EVENTS[name]] * 1_000, **about)
    with pytest.raises(Unaccepted) as refused:
        take(name, path, body)
    assert refused.value.fate is Fate.TOO_LARGE


def test_a_long_agent_is_not_kept_ten_thousand_times() -> None:
    headers = {b"origin": b"https://shop.example", b"user-agent": b"x" * 30_000}
    path, body = body_of("zap", [EVENTS["zap"]] * MOST_EVENTS)
    with pytest.raises(Unaccepted) as refused:
        take("zap", path, body, headers=headers)
    assert refused.value.fate is Fate.TOO_LARGE


def test_a_query_counts_with_each_event_that_takes_it() -> None:
    query = b"&".join(b"p%d=1" % number for number in range(900))
    path, body = body_of("snowplow", [EVENTS["snowplow"]] * 100)
    assert take("snowplow", path, body, query).events == 100
    path, body = body_of("snowplow", [EVENTS["snowplow"]] * 200)
    with pytest.raises(Unaccepted) as refused:
        take("snowplow", path, body, query)
    assert refused.value.fate is Fate.TOO_LARGE


def test_a_context_of_a_usual_size_is_kept_with_each() -> None:
    context = {"library": {"name": "analytics"}, "a": "x" * 1_000}
    path, body = body_of("segment", [CALL] * 5_000, context=context)
    taken = take("segment", path, body)
    assert taken.events == 5_000
    assert sum(map(len, taken.records)) < MOST_RECORD_BYTES

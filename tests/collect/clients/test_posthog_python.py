"""posthog for Python, as it is installed, against a real collector."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from posthog import Posthog

from tests.collect.clients.parts import find_all
from tests.collect.clients.shared import Since
from tests.collect.real_collector import KEY

PROTOCOL = "posthog"

LONG_AGO = datetime(2024, 5, 17, 10, 5, 3, 123456, UTC)
LONG_AGO_US = int(LONG_AGO.timestamp()) * 1_000_000 + LONG_AGO.microsecond
ID = "6b0d4c3e-9d4b-4d12-a0f3-6a9d2f3b8a01"


def call_all(client: Posthog) -> None:
    client.capture(
        "order paid",
        distinct_id="ann",
        properties={"total": 9.5, "items": [{"sku": "s\u00e9"}], "$current_url": "u"},
        uuid=ID,
        groups={"company": "c1"},
    )
    client.capture("looked", properties={"n": 1})  # nobody known
    client.capture("then", distinct_id="ann", timestamp=LONG_AGO)
    client.capture("$pageview", distinct_id="ann", properties={"$current_url": "p"})
    client.capture("$screen", distinct_id="ann", properties={"$screen_name": "home"})
    client.set(distinct_id="ann", properties={"plan": "pro"})
    client.set_once(distinct_id="ann", properties={"first": "x"})
    client.capture(
        "$identify", distinct_id="ann", properties={"$anon_distinct_id": "v"}
    )
    client.alias("visitor-1", "ann")
    client.group_identify("company", "c1", {"seats": 2})
    try:
        raise ValueError("broken")
    except ValueError as error:
        client.capture_exception(error, distinct_id="ann")
    client.capture_ai(
        "$ai_generation", distinct_id="ann", properties={"$ai_model": "m"}
    )


def wanted(later: bool) -> list[dict[str, Any]]:
    """The events that the calls are to become, by the earlier or the later protocol."""

    def people(name: str, value: dict[str, Any]) -> dict[str, Any]:
        return {"properties": {name: value}} if later else {name: value}

    ann = {"user_id": "ann", "distinct_id": "ann", "source": "shop"}
    return [
        {
            **ann,
            "type": "order paid",
            "event_id": ID,
            "url": "u",
            "properties": {
                "total": 9.5,
                "items": [{"sku": "s\u00e9"}],
                "$groups": {"company": "c1"},
                "$lib": "posthog-python",
            },
        },
        {"type": "looked", "properties": {"n": 1}},
        {**ann, "type": "then", "original_timestamp": LONG_AGO.isoformat()},
        {**ann, "type": "page_view", "url": "p"},
        {**ann, "type": "screen_view", "properties": {"$screen_name": "home"}},
        {**ann, "type": "$set", **people("$set", {"plan": "pro"})},
        {**ann, "type": "$set_once", **people("$set_once", {"first": "x"})},
        {**ann, "type": "identify", "anonymous_id": "v"},
        {"type": "alias", "anonymous_id": "visitor-1", "user_id": "ann"},
        {
            "type": "group",
            "properties": {
                "$group_type": "company",
                "$group_key": "c1",
                "$group_set": {"seats": 2},
            },
        },
        {**ann, "type": "$exception"},
        {**ann, "type": "$ai_generation", "properties": {"$ai_model": "m"}},
    ]


@pytest.mark.parametrize(
    "options",
    [{}, {"gzip": True}, {"sync_mode": True}, {"capture_mode": "v1"}],
    ids=str,
)
def test_each_event_is_found_field_by_field(
    collector: Since, options: dict[str, Any]
) -> None:
    failed: list[Any] = []
    began = time.time()
    client = Posthog(
        KEY, host=collector.url, on_error=lambda *told: failed.append(told), **options
    )
    call_all(client)
    client.shutdown()

    events = collector.events()
    find_all(events, wanted(options.get("capture_mode") == "v1"))
    assert not failed and not collector.bad()
    by_type = {event["type"]: event for event in events}
    assert "user_id" not in by_type["looked"] and by_type["looked"]["anonymous_id"]
    assert not {"user_id", "anonymous_id"} & {*by_type["group"]}
    then = by_type.pop("then")["timestamp"] - LONG_AGO_US
    assert abs(then) < 60_000_000, "the wait in the client, and no more"
    for event in by_type.values():
        assert began * 1e6 - 1e6 <= event["timestamp"] <= event["received_at"]


def test_it_is_told_that_there_are_no_flags(
    collector: Since,
) -> None:
    client = Posthog(KEY, host=collector.url)
    assert client.get_all_flags("ann") == {}
    assert not collector.events()
    client.shutdown()


def test_a_client_stops_where_its_key_is_unknown(
    collector: Since,
) -> None:
    failed: list[Any] = []
    client = Posthog(
        "nobody",
        host=collector.url,
        on_error=lambda error, batch: failed.append(error.status),
    )
    began = time.monotonic()
    client.capture("e", distinct_id="d")
    client.shutdown()
    assert failed == [401] and not collector.records()
    assert timedelta(seconds=time.monotonic() - began) < timedelta(seconds=10)


def test_a_client_tries_again_until_the_collector_is_back(
    collector_server: Callable[..., Any],
) -> None:
    collector = collector_server(["posthog"])
    client = Posthog(KEY, host=collector.url, timeout=2)
    collector.kill()
    call_all(client)
    time.sleep(0.5)  # its first try fails
    collector.start()
    client.shutdown()
    find_all(collector.events(), wanted(later=False))

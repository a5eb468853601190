"""posthog-node, as it is installed, against a real collector."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collect.clients.node import run_node
from tests.collect.clients.parts import find_all
from tests.collect.clients.shared import Since
from tests.collect.real_collector import KEY

PROTOCOL = "posthog"

SCRIPT = """
import {PostHog} from "posthog-node";
const {url, key} = JSON.parse(process.env.TOLD);
const client = new PostHog(key, {host: url, flushAt: 3, fetchRetryDelay: 10});
const failed = [];
client.on("error", (error) => failed.push(error.status ?? String(error)));
client.capture({
  distinctId: "ann", event: "order paid", uuid: "018f0000-0000-7000-8000-000000000001",
  properties: {total: 9.5, items: [{sku: "s\\u00e9"}]}, groups: {company: "c1"},
});
client.capture({
  distinctId: "ann", event: "$pageview", properties: {"$current_url": "p"},
});
client.identify({distinctId: "ann", properties: {plan: "pro"}});
client.alias({distinctId: "visitor-1", alias: "ann"});
client.groupIdentify({groupType: "company", groupKey: "c1", properties: {seats: 2}});
client.captureException(new Error("broken"), "ann");
const flags = await client.getAllFlags("ann");
await client.shutdown().catch(() => undefined);
console.log(JSON.stringify({flags, failed}));
"""
ANN = {"user_id": "ann", "distinct_id": "ann", "source": "shop"}
WANTED = [
    {
        **ANN,
        "type": "order paid",
        "event_id": "018f0000-0000-7000-8000-000000000001",
        "properties": {
            "total": 9.5,
            "items": [{"sku": "s\u00e9"}],
            "$groups": {"company": "c1"},
            "$lib": "posthog-node",
        },
    },
    {**ANN, "type": "page_view", "url": "p"},
    {**ANN, "type": "identify", "properties": {"$set": {"plan": "pro"}}},
    {"type": "alias", "anonymous_id": "visitor-1", "user_id": "ann"},
    {
        "type": "group",
        "properties": {
            "$group_type": "company",
            "$group_key": "c1",
            "$group_set": {"seats": 2},
        },
    },
    {**ANN, "type": "$exception"},
]


def called(url: str, key: str = KEY, mode: str = "v0") -> Any:
    told = json.dumps({"url": url, "key": key})
    return run_node(SCRIPT, "posthog-node", TOLD=told, POSTHOG_CAPTURE_MODE=mode)


@pytest.mark.parametrize("mode", ["v0", "v1"])
def test_each_event_is_found_field_by_field(collector: Since, mode: str) -> None:
    assert called(collector.url, mode=mode) == {"flags": {}, "failed": []}
    events = collector.events()
    find_all(events, WANTED)
    assert not collector.bad()
    assert all(event["timestamp"] <= event["received_at"] for event in events)


def test_a_client_stops_where_its_key_is_unknown(
    collector: Since,
) -> None:
    assert 401 in called(collector.url, key="nobody")["failed"]
    assert not collector.records()

"""A collector dies again and again; its clients, with their own retries, lose nothing.

Some events come twice, since an answer is lost with its collector; the archive holds
each once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from browser import browser, eventually  # noqa: F401
from posthog import Posthog
from snowplow_tracker import Emitter, SelfDescribing, SelfDescribingJson, Tracker

from tests.collect.clients.killing import CALLS, KILLS, Kills, doubled, killed, lost
from tests.collect.clients.node import run_node
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.clients.sinks import archived, deliver
from tests.collect.real_collector import KEY, RealCollector, source_of

SCHEMA = "iglu:com.acme/counted/jsonschema/1-0-0"
Told = tuple[list[str], list[str]]
"""Ids of events that a client was told are safe, and of those that it gave up."""


def snowplow_python(url: str, count: int, kills: Kills) -> Told:
    """By its emitter, one request at a time, whose retries wait up to a second."""
    acknowledged: list[str] = []
    emitter = Emitter(
        url,
        batch_size=5,
        request_timeout=5,
        max_retry_delay_seconds=1,
        on_success=lambda sent: acknowledged.extend(each["eid"] for each in sent),
    )
    tracker = Tracker("t", emitter, app_id=KEY)
    for n in range(count):
        tracker.track(SelfDescribing(SelfDescribingJson(SCHEMA, {"n": n})))
        time.sleep(kills.pace_s(count))
    end = time.monotonic() + 60
    while len(acknowledged) < count and time.monotonic() < end:
        emitter.sync_flush()
        time.sleep(0.05)
    return acknowledged, []


def posthog_python(url: str, count: int, kills: Kills) -> Told:
    """By its consumer's thread, which tells of batches that it gave up."""
    failed: list[str] = []
    client = Posthog(
        KEY,
        host=url,
        flush_at=10,
        flush_interval=0.1,
        max_retries=20,
        timeout=5,
        on_error=lambda _, batch: failed.extend(each["uuid"] for each in batch),
    )
    sent = []
    for n in range(count):
        sent.append(
            str(client.capture("counted", distinct_id="d", properties={"n": n}))
        )
        time.sleep(kills.pace_s(count))
    client.shutdown()
    return [each for each in sent if each not in failed], failed


PACED = "const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));"
SNOWPLOW_NODE = (
    PACED
    + """
import {newTracker, buildSelfDescribingEvent} from "@snowplow/node-tracker";
const {url, key, schema, count, pace} = JSON.parse(process.env.TOLD);
const acknowledged = [];
const tracker = newTracker({namespace: "t", appId: key}, {
  endpoint: url, bufferSize: 5,
  onRequestSuccess: (events) => acknowledged.push(...events.map((each) => each.eid)),
});
for (let n = 0; n < count; n++) {
  tracker.track(buildSelfDescribingEvent({event: {schema, data: {n}}}));
  await pause(pace);
}
const end = Date.now() + 60000;
while (acknowledged.length < count && Date.now() < end) {
  await tracker.flush();
  await pause(50);
}
console.log(JSON.stringify([acknowledged, []]));
process.exit(0);
"""
)
POSTHOG_NODE = (
    PACED
    + """
import {PostHog} from "posthog-node";
const {url, key, count, pace} = JSON.parse(process.env.TOLD);
const client = new PostHog(key, {
  host: url, flushAt: 10, flushInterval: 100, fetchRetryCount: 30, fetchRetryDelay: 200,
});
const acknowledged = [];
client.on("flush", (sent) => acknowledged.push(...sent.map((each) => each.uuid)));
for (let n = 0; n < count; n++) {
  client.capture({distinctId: "d", event: "counted", properties: {n}});
  await pause(pace);
}
const end = Date.now() + 60000;
while (acknowledged.length < count && Date.now() < end) {
  await client.flush().catch(() => undefined);
  await pause(50);
}
console.log(JSON.stringify([acknowledged, []]));
process.exit(0);
"""
)


def by_node(script: str, package: str) -> Callable[[str, int, Kills], Told]:
    """A client that is told the pace in advance, as it can't be asked."""

    def post(url: str, count: int, kills: Kills) -> Told:
        pace_ms = kills.pace_s(count) * 1000
        told = {"url": url, "key": KEY, "schema": SCHEMA, "count": count}
        found = run_node(script, package, TOLD=json.dumps({**told, "pace": pace_ms}))
        return found[0], found[1]

    return post


CLIENTS: dict[str, tuple[str, Callable[[str, int, Kills], Told]]] = {
    "snowplow-tracker": ("snowplow", snowplow_python),
    "posthog": ("posthog", posthog_python),
    "@snowplow/node-tracker": (
        "snowplow",
        by_node(SNOWPLOW_NODE, "@snowplow/node-tracker"),
    ),
    "posthog-node": ("posthog", by_node(POSTHOG_NODE, "posthog-node")),
}

PAGE = """<!doctype html><title>A shop</title><script src="/sp.js"></script><script>
window.told = [];
window.post = async (url, key, schema, count, pace) => {
  const tracker = snowplowBrowserTracking;
  tracker.newTracker("t", url, {
    appId: key, bufferSize: 5,
    onRequestSuccess: (events) => told.push(...events.map((each) => each.eid)),
  });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let n = 0; n < count; n++) {
    tracker.trackSelfDescribingEvent({event: {schema, data: {n}}});
    await pause(pace);
  }
  while (told.length < count) {
    tracker.flushBuffer();
    await pause(100);
  }
};
</script>"""


def check(collector: RealCollector, acknowledged: Sequence[str]) -> None:
    """All that a client was told is safe is; and here it is all that was sent.

    The spool may hold an event twice; the archive must not.
    """
    assert not lost(collector, acknowledged)
    assert len({*acknowledged}) == CALLS
    numbers = {event["properties"]["n"] for event in collector.events()}
    assert numbers == {*range(CALLS)}
    collector.stop()
    deliver(collector)
    ids = [event["event_id"] for event in archived(collector)]
    assert not doubled(ids)
    assert {*ids} == {*acknowledged}


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_acknowledged_is_lost(
    client: str, collector_server: Callable[..., RealCollector]
) -> None:
    protocol, post = CLIENTS[client]
    collector = collector_server([protocol])
    with killed(collector, KILLS, seed=1) as kills:
        acknowledged, failed = post(collector.url, CALLS, kills)
    assert not failed
    check(collector, acknowledged)


@pytest.mark.slow
def test_nothing_that_a_browser_was_told_is_lost(
    browser: Any,  # noqa: F811
    collector_server: Callable[..., RealCollector],
) -> None:
    installed("@snowplow/browser-tracker")
    scripts = {"/sp.js": "@snowplow/browser-tracker/dist/index.umd.min.js"}
    with site_of(PAGE, scripts) as site:
        sources = {"shop": source_of(["snowplow"], origins=[site.origin()])}
        collector = collector_server(sources=sources)
        browser.get(site.origin())
        browser.execute_script("localStorage.clear()")
        with killed(collector, KILLS, seed=2) as kills:
            told = (collector.url, KEY, SCHEMA, CALLS, kills.pace_s(CALLS) * 1000)
            browser.execute_script("post(...arguments)", *told)
            kills.over.wait(60)
        acknowledged = eventually(
            lambda: browser.execute_script("return told"),
            lambda each: len({*each}) == CALLS,
        )
    check(collector, acknowledged)

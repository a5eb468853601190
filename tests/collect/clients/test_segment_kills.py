"""Nothing is lost that clients of Segment and RudderStack are told is safe.

They retry by themselves while the collector dies at random moments, and each is judged
by its own words. A call may be in the spool twice, since an answer can die on its way;
in the archive it is once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import browser  # noqa: F401
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics import Client as SegmentClient

from tests.collect.clients.killing import CALLS, KILLS, Kills, doubled, killed, lost
from tests.collect.clients.scripts import result_of, start_script
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.clients.sinks import archived, deliver
from tests.collect.real_collector import KEY, RealCollector, source_of, until

Start = Callable[..., RealCollector]
PYTHON = [("segment", SegmentClient), ("rudderstack", RudderClient)]


def check(
    collector: RealCollector, sent: int, acknowledged: list[str], failed: list[str]
) -> None:
    """All that was told to be safe is there, and nothing that was not sent."""
    assert acknowledged and len({*acknowledged, *failed}) == sent
    assert not lost(collector, acknowledged)
    numbers = {event["properties"]["number"] for event in collector.events()}
    assert numbers <= {*range(sent)}
    assert len(numbers) >= len(acknowledged)
    collector.stop()
    deliver(collector)
    ids = [event["event_id"] for event in archived(collector)]
    assert not doubled(ids)
    assert {*ids} == {event["event_id"] for event in collector.events()}


def post_from_python(
    make: Any, url: str, count: int, kills: Kills
) -> tuple[list[str], list[str]]:
    """What the client says of calls: ids of those that are safe, and of the others."""
    sent: list[str] = []
    failed: list[str] = []
    client = make(
        KEY,
        host=url,
        on_error=lambda _, batch: failed.extend(call["messageId"] for call in batch),
        upload_interval=0.05,
        upload_size=20,
    )
    for number in range(count):
        queued, call = client.track(f"u{number % 7}", "Counted", {"number": number})
        assert queued
        sent.append(call["messageId"])
        time.sleep(kills.pace_s(count))
    client.flush()
    client.join()
    return [each for each in sent if each not in failed], failed


@pytest.mark.parametrize(("tool", "make"), PYTHON)
def test_python_is_disturbed(collector_server: Start, tool: str, make: Any) -> None:
    collector = collector_server([tool])
    with killed(collector, 2, seed=1) as kills:
        told = post_from_python(make, collector.url, 100, kills)
    check(collector, 100, *told)


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "make"), PYTHON)
def test_python(collector_server: Start, tool: str, make: Any) -> None:
    collector = collector_server([tool])
    with killed(collector, KILLS, seed=2) as kills:
        told = post_from_python(make, collector.url, CALLS, kills)
    check(collector, CALLS, *told)


@pytest.mark.slow
def test_node(collector_server: Start) -> None:
    collector = collector_server(["segment"])
    calls = [
        ("track", {"userId": "u", "event": "Counted", "properties": {"number": number}})
        for number in range(CALLS)
    ]
    with killed(collector, KILLS, seed=3) as kills:
        script = start_script(
            "segment_node.js",
            "@segment/analytics-node",
            host=collector.url,
            writeKey=KEY,
            calls=calls,
            paceMs=kills.pace_s(CALLS) * 1000,
            flushAt=10,
        )
        told = result_of(script, 200)
    ids = {
        name: [call["messageId"] for call in told[name]]
        for name in ("delivered", "failed")
    }
    check(collector, CALLS, ids["delivered"], ids["failed"])


SCRIPTS = {
    "/segment.js": "@segment/analytics-next/dist/umd/index.js",
    "/rudder.js": "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
}
PAGE = "<!doctype html><title>A shop</title>" + "".join(
    f"<script src={path}></script>" for path in SCRIPTS
)
LOAD = {
    "segment": """
const [server, key, done] = arguments;
window.failed = [];
(async () => {
  [window.analytics] = await AnalyticsNext.AnalyticsBrowser.load(
    {writeKey: key, cdnURL: server});
  analytics.on("error", ({ctx}) => failed.push(ctx.event.properties.number));
})().then(() => done("ready"), (error) => done(String(error)));
""",
    "rudderstack": """
const [server, key, done] = arguments;
window.failed = [];
window.analytics = new rudderanalytics.RudderAnalytics();
analytics.load(key, server, {configUrl: server, queueOptions: {maxItems: 2000}});
analytics.ready(() => done("ready"));
""",
}
POST = """
const [count, paceMs] = arguments;
(async () => {
  for (let number = 0; number < count; number++) {
    analytics.track("Counted", {number});
    await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
})();
"""


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    installed("@segment/analytics-next", "@rudderstack/analytics-js")
    with site_of(PAGE, SCRIPTS) as site:
        yield site.origin()


@pytest.mark.slow
@pytest.mark.parametrize("tool", LOAD)
def test_browser(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
    tool: str,
) -> None:
    """Browsers' clients say nothing of success: they retry until all is there.

    What they give up after their tries, they say as an error; here nothing.
    """
    source = source_of([tool], origins=[pages])
    collector = collector_server(sources={"shop": source})
    browser.get(pages)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    assert browser.execute_async_script(LOAD[tool], collector.url, KEY) == "ready"
    with killed(collector, KILLS, seed=4) as kills:
        browser.execute_script(POST, CALLS, kills.pace_s(CALLS) * 1000)

    def missing() -> set[int]:
        numbers = {event["properties"]["number"] for event in collector.events()}
        assert numbers <= {*range(CALLS)}
        return {*range(CALLS)} - numbers

    until(lambda: not missing(), 150)  # tries are up to a minute apart
    assert browser.execute_script("return failed") == []
    ids = {event["event_id"] for event in collector.events()}
    check(collector, CALLS, [*ids], [])

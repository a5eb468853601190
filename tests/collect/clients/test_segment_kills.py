"""Nothing is lost that a client was told is safe, however often the collector dies.

Clients retry by themselves; each is judged by its own words. A call may be in the spool
twice, since an answer can die on its way; in the archive it may not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from browser import browser  # noqa: F401
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics import Client as SegmentClient

from tests.collect.clients.kills import (
    CALLS,
    KILLS,
    PACE_S,
    calls_of,
    check_kept,
    kill_while,
)
from tests.collect.clients.scripts import result_of, start_script
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.real_collector import KEY, RealCollector, source_of, until

Start = Callable[..., RealCollector]
SCRIPTS = {
    "/segment.js": "@segment/analytics-next/dist/umd/index.js",
    "/rudder.js": "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
}
PAGE = "<!doctype html><title>A shop</title>" + "".join(
    f"<script src={path}></script>" for path in SCRIPTS
)
TOOLS = [("segment", SegmentClient), ("rudderstack", RudderClient)]


def post_from_python(
    make: Any, collector: RealCollector, number: int, kills: int
) -> tuple[int, set[int]]:
    """Post calls from a thread; how many kills, and what was acknowledged."""
    failed: list[dict[str, Any]] = []
    client = make(
        KEY,
        host=collector.url,
        on_error=lambda error, batch: failed.extend(batch),
        upload_interval=0.05,
        upload_size=20,
    )

    def post() -> None:
        for fields in calls_of(number):
            told = client.track(fields["userId"], fields["event"], fields["properties"])
            assert told[0]
            time.sleep(PACE_S)
        client.flush()
        client.join()

    posting = Thread(target=post)
    posting.start()
    done = kill_while(collector, posting.is_alive, kills, seed=number)
    posting.join(120)
    assert not posting.is_alive()
    return done, set(range(number)) - {call["properties"]["number"] for call in failed}


@pytest.mark.parametrize(("tool", "make"), TOOLS)
def test_python_is_disturbed(collector_server: Start, tool: str, make: Any) -> None:
    collector = collector_server([tool])
    kills, acknowledged = post_from_python(make, collector, 100, kills=2)
    assert kills == 2 and acknowledged
    check_kept(collector, range(100), acknowledged)


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "make"), TOOLS)
def test_python(collector_server: Start, tool: str, make: Any) -> None:
    collector = collector_server([tool])
    kills, acknowledged = post_from_python(make, collector, CALLS, KILLS)
    assert kills == KILLS and acknowledged
    check_kept(collector, range(CALLS), acknowledged)


@pytest.mark.slow
def test_node(collector_server: Start) -> None:
    collector = collector_server(["segment"])
    script = start_script(
        "segment_node.js",
        "@segment/analytics-node",
        host=collector.url,
        writeKey=KEY,
        calls=[("track", fields) for fields in calls_of(CALLS)],
        paceMs=PACE_S * 1000,
        flushAt=10,
    )
    kills = kill_while(collector, lambda: script.poll() is None, KILLS, seed=3)
    told = result_of(script, 150)
    assert kills == KILLS and told["delivered"]
    acknowledged = {call["properties"]["number"] for call in told["delivered"]}
    check_kept(collector, range(CALLS), acknowledged)


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    installed("@segment/analytics-next", "@rudderstack/analytics-js")
    with site_of(PAGE, SCRIPTS) as site:
        yield site.origin()


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
const [calls, paceMs] = arguments;
window.posted = 0;
(async () => {
  for (const {event, properties} of calls) {
    analytics.track(event, properties);
    posted += 1;
    await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
})();
"""


@pytest.mark.slow
@pytest.mark.parametrize("tool", LOAD)
def test_browser(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
    tool: str,
) -> None:
    """It retries until all is there: what it gives up, it says as an error."""
    source = source_of([tool], origins=[pages])
    collector = collector_server(sources={"shop": source})
    browser.get(pages)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    assert browser.execute_async_script(LOAD[tool], collector.url, KEY) == "ready"
    browser.execute_script(POST, calls_of(CALLS), PACE_S * 1000)

    def posting() -> bool:
        return bool(browser.execute_script("return posted") < CALLS)

    kills = kill_while(collector, posting, KILLS, seed=5)
    assert kills == KILLS

    def missing() -> set[int]:
        kept = {event["properties"]["number"] for event in collector.events()}
        failed = browser.execute_script("return failed")
        return set(range(CALLS)) - kept - set(failed)

    until(lambda: not missing(), 120)
    check_kept(collector, range(CALLS), ())
    assert len(browser.execute_script("return failed")) < CALLS / 2

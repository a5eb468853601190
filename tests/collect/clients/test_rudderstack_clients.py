"""RudderStack's own clients, unmodified, against a real collector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import browser  # noqa: F401
from rudderstack.analytics.client import Client
from rudderstack.analytics.request import APIError

from tests.collect.clients.python_calls import (
    calls_of_both,
    check_stops_at_another_key,
    messages_of,
)
from tests.collect.clients.same import check_all
from tests.collect.clients.shop_site import check_asked, installed, site_of
from tests.collect.real_collector import KEY, RealCollector, source_of, until

Start = Callable[..., RealCollector]
BROWSER = "@rudderstack/analytics-js"
PAGE = "<!doctype html><title>A shop</title><script src=/rudder.js></script>"
BUNDLED = f"{BROWSER}/dist/npm/modern/bundled/umd/index.js"


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    installed(BROWSER)
    with site_of(PAGE, {"/rudder.js": BUNDLED}) as site:
        yield site.origin()


def call_all(client: Client) -> list[dict[str, Any]]:
    """Every call of the client for Python, with all that each takes."""
    told = [
        *calls_of_both(client),
        client.alias("a1", "u1"),
        client.track("u1", "Large", {"text": "x" * 100_000}),
    ]
    return messages_of(told)


@pytest.mark.parametrize(("gzip", "sync"), [(False, False), (True, True)])
def test_python(collector_server: Start, gzip: bool, sync: bool) -> None:
    collector = collector_server(["rudderstack"])
    failed: list[Any] = []
    client = Client(
        KEY,
        host=collector.url,
        gzip=gzip,
        sync_mode=sync,
        on_error=lambda *told: failed.append(told),
        upload_interval=0.1,
    )
    messages = call_all(client)
    if not sync:
        client.flush()
        client.join()
    assert not failed
    check_all(collector.events(), messages)
    (identified,) = [e for e in collector.events() if e["type"] == "identify"]
    assert identified["traits"] == {"plan": "pro", "größe": 1.75}


def test_python_stops_where_it_is_told(collector_server: Start) -> None:
    check_stops_at_another_key(Client, APIError, collector_server(["rudderstack"]))


def test_the_key_says_whose_clients_post(collector_server: Start) -> None:
    """Two sources at the same paths; what one tool allows, the other may not."""
    sources = {
        "shop": source_of(["rudderstack"]),
        "other": source_of(["segment"], keys=["of-segment"]),
    }
    collector = collector_server(sources=sources)
    for key in (KEY, "of-segment"):
        client = Client(key, host=collector.url, sync_mode=True)
        client.track("u1", "Small")
        client.track("u1", "Large", {"text": "x" * 100_000})
    names = [(event["source"], event["type"]) for event in collector.events()]
    assert names == [("shop", "Small"), ("shop", "Large"), ("other", "Small")]
    (bad,) = collector.bad()
    assert bad.source == "other" and bad.row.reason == "segment.too_large"
    assert len(bad.row.payload["properties"]["text"]) == 100_000


LOAD = """
const [server, key, options, done] = arguments;
window.rudder = new rudderanalytics.RudderAnalytics();
rudder.load(key, server, {configUrl: server, ...options});
rudder.ready(() => done("ready"));
setTimeout(() => done("not ready"), 5000);
"""
CALL = """
const done = arguments[arguments.length - 1];
const sent = [];
const keep = (message) => sent.push(JSON.parse(JSON.stringify(message)));
for (const [call, ...given] of arguments[0]) rudder[call](...given, {}, keep);
setTimeout(function look() {
  if (sent.length < arguments[0].length) setTimeout(look, 20, ...arguments);
  else done(sent);
}, 0, ...arguments);
"""
CALLS = [
    ["alias", "u0"],  # of somebody who is not known yet
    ["identify", "u1", {"plan": "pro", "größe": 1.75}],
    ["track", "Order Completed", {"total": 9.5, "items": [{"sku": "a"}]}],
    ["page", "Docs", "Home", {"x": 1}],
    ["group", "g1", {"seats": 5}],
]
WAYS = {
    "singly": {},
    "batches": {
        "queueOptions": {
            "batch": {"enabled": True, "maxItems": 2, "flushInterval": 300}
        }
    },
    "beacon": {"useBeacon": True, "beaconQueueOptions": {"maxItems": 2}},
}


def loaded(
    browser: Any,  # noqa: F811
    pages: str,
    url: str,
    options: Any,
    key: str = KEY,
) -> Any:
    browser.get(f"{pages}/cart?q=1")
    browser.execute_script("localStorage.clear()")
    browser.delete_all_cookies()
    browser.refresh()
    return browser.execute_async_script(LOAD, url, key, options)


@pytest.mark.parametrize("way", WAYS)
def test_browser(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
    way: str,
) -> None:
    """The collector is its control plane and its data plane."""
    source = source_of(["rudderstack"], origins=[pages])
    collector = collector_server(sources={"shop": source})
    assert loaded(browser, pages, collector.url, WAYS[way]) == "ready"
    sent = browser.execute_async_script(CALL, CALLS)
    assert len(sent) == len(CALLS), sent
    if way == "beacon":  # sends what is left when the page is
        browser.get("about:blank")
    until(lambda: len(collector.events()) >= len(CALLS))
    check_all(collector.events(), sent)
    if way != "beacon":
        check_asked(browser, pages, collector.url)
    assert all(event["url"] == f"{pages}/cart?q=1" for event in collector.events())
    (identified,) = [e for e in collector.events() if e["type"] == "identify"]
    assert identified["traits"] == {"plan": "pro", "größe": 1.75}


@pytest.mark.slow
def test_browser_waits_while_the_spool_is_full(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
) -> None:
    source = source_of(["rudderstack"], origins=[pages])
    collector = collector_server(sources={"shop": source}, spool_max_bytes=1)
    assert loaded(browser, pages, collector.url, {}) == "ready"
    browser.execute_script("rudder.track('Order Completed', {total: 9.5})")
    until(lambda: b"503" in collector.log.read_bytes())
    collector.stop()
    del collector.settings["spool_max_bytes"]
    collector.start()
    until(collector.events, 60)
    assert [event["type"] for event in collector.events()] == ["Order Completed"]

"""Segment's own clients, unmodified, against a real collector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser import browser  # noqa: F401
from segment.analytics import Client
from segment.analytics.request import APIError

from tests.collect.clients.python_calls import (
    CONTEXT,
    calls_of_both,
    check_stops_at_another_key,
    messages_of,
)
from tests.collect.clients.same import check_all, check_times
from tests.collect.clients.scripts import result_of, start_script
from tests.collect.clients.shop_site import check_asked, installed, site_of
from tests.collect.real_collector import KEY, RealCollector, source_of, until

Start = Callable[..., RealCollector]
NODE = ("segment_node.js", "@segment/analytics-node")
BROWSER = "@segment/analytics-next"
PAGE = "<!doctype html><title>A shop</title><script src=/segment.js></script>"


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    installed(BROWSER)
    with site_of(PAGE, {"/segment.js": f"{BROWSER}/dist/umd/index.js"}) as site:
        yield site.origin()


def call_all(client: Client) -> list[dict[str, Any]]:
    """Every call of the client for Python, with all that each takes."""
    integrations = {"integrations": {"All": False}}
    told = [
        *calls_of_both(client, **integrations),
        client.alias("a1", "u1", context=CONTEXT, **integrations),
        client.track("u1", "Own id", message_id="my-id"),
    ]
    return messages_of(told)


@pytest.mark.parametrize(("gzip", "sync"), [(False, False), (True, True)])
def test_python(collector_server: Start, gzip: bool, sync: bool) -> None:
    collector = collector_server(["segment"])
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
        client.shutdown()
    assert not failed
    check_all(collector.events(), messages)
    assert {event["source"] for event in collector.events()} == {"shop"}


def test_python_imports_history(collector_server: Start) -> None:
    """Old events keep their own times, by whatever clock of the importer."""
    collector = collector_server(["segment"])
    client = Client(KEY, host=collector.url, sync_mode=True)
    happened = datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC)
    client.track("u1", "Long ago", timestamp=happened)
    (event,) = collector.events()
    check_times(event, happened)
    assert event["timestamp"] - happened.timestamp() * 1e6 >= 0


def test_python_stops_where_it_is_told(collector_server: Start) -> None:
    check_stops_at_another_key(Client, APIError, collector_server(["segment"]))


def test_python_waits_while_the_spool_is_full(collector_server: Start) -> None:
    collector = collector_server(
        ["segment"], spool_max_bytes=1, limits={"retry_after_s": 1}
    )
    failed: list[Any] = []
    client = Client(
        KEY,
        host=collector.url,
        on_error=lambda *told: failed.append(told),
        upload_interval=0.1,
    )
    messages = call_all(client)
    flushed = threading.Thread(target=client.shutdown)
    flushed.start()
    until(lambda: b"503" in collector.log.read_bytes())
    assert flushed.is_alive() and not collector.records()
    collector.stop()
    del collector.settings["spool_max_bytes"]
    collector.start()
    flushed.join(30)
    assert not flushed.is_alive() and not failed
    check_all(collector.events(), messages)


def node_calls() -> list[tuple[str, dict[str, Any]]]:
    """Every call of the client for node, with all that each takes."""
    both = {
        "userId": "u1",
        "anonymousId": "a1",
        "context": {"ip": "192.0.2.1", "page": {"url": "https://shop.example/a"}},
        "integrations": {"All": False},
    }
    shown = {"category": "Docs", "name": "Home", "properties": {"x": [1, {"y": 2}]}}
    old = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    return [
        ("identify", {"traits": {"plan": "pro", "größe": 1.75}, **both}),
        ("track", {"event": "Order Completed", "properties": {"total": 9.5}, **both}),
        ("page", {**shown, **both}),
        ("screen", {**shown, **both}),
        ("group", {"groupId": "g1", "traits": {"seats": 5}, **both}),
        ("alias", {"previousId": "a1", "userId": "u1"}),
        ("track", {"event": "Own", "userId": "u", "messageId": "i", "timestamp": old}),
    ]


def test_node(collector_server: Start) -> None:
    collector = collector_server(["segment"])
    told = result_of(
        start_script(*NODE, host=collector.url, writeKey=KEY, calls=node_calls())
    )
    assert not told["failed"] and len(told["delivered"]) == 7
    check_all(collector.events(), told["delivered"])


def test_node_stops_where_it_is_told(collector_server: Start) -> None:
    collector = collector_server(["segment"])
    told = result_of(
        start_script(*NODE, host=collector.url, writeKey="no", calls=node_calls()[:1])
    )
    assert len(told["failed"]) == 1 and not told["delivered"]
    assert not collector.records()


def test_node_waits_while_it_sends_too_much(collector_server: Start) -> None:
    source = source_of(["segment"], rate={"per_s": 10, "burst": 3})
    collector = collector_server(sources={"shop": source})
    script = start_script(
        *NODE, host=collector.url, writeKey=KEY, calls=node_calls(), flushAt=3
    )
    told = result_of(script)
    assert b"too_many" in collector.log.read_bytes()
    assert not told["failed"]
    check_all(collector.events(), told["delivered"])


LOAD = """
const [server, key, options, done] = arguments;
(async () => {
  const loaded = AnalyticsNext.AnalyticsBrowser.load(
    {writeKey: key, cdnURL: server}, options);
  window.errors = [];
  [window.analytics] = await loaded;
  window.analytics.on("error", (error) => errors.push(String(error.reason)));
})().then(() => done("loaded"), (error) => done(String(error)));
"""
CALL = """
const done = arguments[arguments.length - 1];
(async () => {
  const sent = [];
  for (const [call, ...given] of arguments[0]) {
    const context = await analytics[call](...given);
    sent.push(JSON.parse(JSON.stringify(context.event)));
  }
  return sent;
})().then(done, (error) => done(String(error)));
"""
CALLS = [
    ["alias", "u0"],  # of somebody who is not known yet
    ["identify", "u1", {"plan": "pro", "größe": 1.75}],
    ["track", "Order Completed", {"total": 9.5, "items": [{"sku": "a"}]}],
    ["page", "Docs", "Home", {"x": 1}],
    ["screen", "Docs", "Home", {"x": 1}],
    ["group", "g1", {"seats": 5}],
]


def loaded(browser: Any, pages: str, url: str, options: Any) -> Any:  # noqa: F811
    browser.get(f"{pages}/cart?q=1")
    browser.execute_script("localStorage.clear()")
    browser.delete_all_cookies()
    return browser.execute_async_script(LOAD, url, KEY, options)


def call_in_page(browser: Any) -> list[dict[str, Any]]:  # noqa: F811
    """Every call, and what the client says of it, as it is once it is posted."""
    sent = browser.execute_async_script(CALL, CALLS)
    assert len(sent) == len(CALLS), sent
    sent[0] |= {"previousId": sent[0]["anonymousId"], "userId": "u0"}
    return list(sent)


def batching(collector: RealCollector) -> dict[str, Any]:
    strategy = {"strategy": "batching", "config": {"size": 3, "timeout": 200}}
    return {"integrations": {"Segment.io": {"deliveryStrategy": strategy}}}


@pytest.mark.parametrize("batches", [False, True])
def test_browser(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
    batches: bool,
) -> None:
    """It is given the collector as ``cdnURL``, and nothing else."""
    source = source_of(["segment"], origins=[pages])
    collector = collector_server(sources={"shop": source})
    options = batching(collector) if batches else {}
    assert loaded(browser, pages, collector.url, options) == "loaded"
    sent = call_in_page(browser)
    until(lambda: len(collector.events()) >= len(CALLS))
    check_all(collector.events(), sent)
    assert browser.execute_script("return errors") == []
    check_asked(browser, pages, collector.url)
    assert all(event["url"] == f"{pages}/cart?q=1" for event in collector.events())


def test_browser_of_another_origin_gets_no_settings(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
) -> None:
    collector = collector_server(["segment"])
    assert "Failed to fetch" in loaded(browser, pages, collector.url, {})
    assert not collector.records()


@pytest.mark.slow
def test_browser_waits_while_the_spool_is_full(
    browser: Any,  # noqa: F811
    pages: str,
    collector_server: Start,
) -> None:
    source = source_of(["segment"], origins=[pages])
    collector = collector_server(sources={"shop": source}, spool_max_bytes=1)
    assert loaded(browser, pages, collector.url, {}) == "loaded"
    browser.execute_script("analytics.track('Order Completed', {total: 9.5})")
    until(lambda: b"503" in collector.log.read_bytes())
    collector.stop()
    del collector.settings["spool_max_bytes"]
    collector.start()
    until(collector.events, 60)
    assert [event["type"] for event in collector.events()] == ["Order Completed"]
    assert browser.execute_script("return errors") == []

"""Every call of each client of Segment and RudderStack, in archive and store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import browser  # noqa: F401
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics import Client as SegmentClient

from tests.collect.clients import test_rudderstack_clients as rudderstack
from tests.collect.clients import test_segment_clients as segment
from tests.collect.clients.same import check_all
from tests.collect.clients.scripts import result_of, start_script
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.clients.sinks import archived, check_stored, deliver, sinks_in
from tests.collect.real_collector import KEY, RealCollector, source_of, until
from zap.collect.protocols.calls import CALLS

Start = Callable[..., RealCollector]
OTHER_KEY = "of-rudderstack"
SCRIPTS = {
    "/segment.js": f"{segment.BROWSER}/dist/umd/index.js",
    "/rudder.js": rudderstack.BUNDLED,
}
PAGE = "<!doctype html><title>A shop</title>" + "".join(
    f"<script src={path}></script>" for path in SCRIPTS
)


def by_python(collector: RealCollector) -> list[dict[str, Any]]:
    clients = [
        (segment, SegmentClient(KEY, host=collector.url, sync_mode=True)),
        (rudderstack, RudderClient(OTHER_KEY, host=collector.url, sync_mode=True)),
    ]
    return [each for module, client in clients for each in module.call_all(client)]


def by_node(collector: RealCollector) -> list[dict[str, Any]]:
    calls = segment.node_calls()
    script = start_script(*segment.NODE, host=collector.url, writeKey=KEY, calls=calls)
    return list(result_of(script)["delivered"])


def by_browser(
    browser: Any,  # noqa: F811
    collector: RealCollector,
    site: str,
) -> list[dict[str, Any]]:
    before = len(collector.events())
    assert segment.loaded(browser, site, collector.url, {}) == "loaded"
    sent = segment.call_in_page(browser)
    until(lambda: len(collector.events()) == before + len(sent))
    assert rudderstack.loaded(browser, site, collector.url, {}, OTHER_KEY) == "ready"
    sent += browser.execute_async_script(rudderstack.CALL, rudderstack.CALLS)
    until(lambda: len(collector.events()) == before + len(sent))
    return sent


def test_all_calls_are_in_archive_and_store(
    browser: Any,  # noqa: F811
    collector_server: Start,
    tmp_path: Path,
) -> None:
    installed(segment.BROWSER, rudderstack.BROWSER)
    with site_of(PAGE, SCRIPTS) as site:
        sources = {
            "shop": source_of(["segment"], origins=[site.origin()]),
            "app": source_of(
                ["rudderstack"], origins=[site.origin()], keys=[OTHER_KEY]
            ),
        }
        collector = collector_server(sources=sources, **sinks_in(tmp_path / "sinks"))
        messages = by_python(collector) + by_node(collector)
        messages += by_browser(browser, collector, site.origin())
    collector.stop()
    deliver(collector)
    check_all(archived(collector), messages)
    check_stored(collector, messages)
    assert {message["type"] for message in messages} == CALLS.keys()

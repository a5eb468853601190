"""Every event of each client of Snowplow and PostHog, in archive and store.

What the spool holds of each client is held against its calls in the tests of that
client. Here archive and store are held against the spool, field by field, and the
store's rows against the calls once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import browser  # noqa: F401
from posthog import Posthog

from tests.collect.clients import test_posthog_node as posthog_node
from tests.collect.clients import test_posthog_python as posthog_python
from tests.collect.clients import test_snowplow_browser as snowplow_browser
from tests.collect.clients import test_snowplow_node as snowplow_node
from tests.collect.clients import test_snowplow_python as snowplow_python
from tests.collect.clients.killing import doubled
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.clients.sinks import archived, deliver, sinks_in, stored
from tests.collect.real_collector import KEY, RealCollector, source_of
from zap.encoding.features import Hash
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last
from zap.serving.stores import Need

Start = Callable[..., RealCollector]
KEPT = {
    "page": ("page_title", "string"),  # which made models look at
    "vid": ("domain_sessionidx", "int"),
    "label": ("properties.label", "string"),
    "total": ("properties.total", "float"),
    "order": ("tr_orderid", "string"),
    "plan": ("contexts.com.acme/user.plan", "string"),
    "sku": ("contexts.com.snowplowanalytics.snowplow.ecommerce/product.id", "string"),
    "seats": ("properties.$group_set.seats", "int"),
}
MAPPING = 'format = "archive"\n' + "".join(
    f'[properties.{name}]\ncolumn = "{column}"\ntype = "{kind}"\n'
    for name, (column, kind) in KEPT.items()
)
PRODUCT_IDS = snowplow_browser.ECOMMERCE + "product"


def wanted(event: dict[str, Any]) -> dict[str, Any]:
    """What the mapping asks of an event, by a plain look at each place."""
    properties, contexts = event.get("properties", {}), event.get("contexts", {})
    return {
        "page": event.get("page_title"),
        "vid": event.get("domain_sessionidx"),
        "label": properties.get("label"),
        "total": properties.get("total"),
        "order": event.get("tr_orderid"),
        "plan": contexts.get("com.acme/user", [{}])[0].get("plan"),
        "sku": contexts.get(PRODUCT_IDS, [{}])[0].get("id"),
        "seats": properties.get("$group_set", {}).get("seats"),
        "user_id": event.get("user_id"),
        "timestamp": event["timestamp"],
        "type": event["type"],
    }


def check_sinks(
    collector: RealCollector, subject: str, sees: Instance, mapped: set[str]
) -> None:
    """See that both sinks hold all that the spool holds, each event once.

    Args:
        collector: that all was posted to.
        subject: whom the application asks about.
        sees: its instance.
        mapped: properties that some events must have in the store.
    """
    collector.stop()
    deliver(collector)
    spooled = {event["event_id"]: event for event in collector.events()}
    found = archived(collector)
    assert len(found) == len(spooled)
    for event in found:
        assert event == spooled[event["event_id"]]

    of: dict[str, dict[str, Any]] = {}
    for event in spooled.values():
        if event.get(subject):
            of.setdefault(event[subject], {})[event["event_id"]] = wanted(event)
    values = [fields for events in of.values() for fields in events.values()]
    assert all(any(fields[name] is not None for fields in values) for name in mapped)
    need = Need.of(sees, subject)
    rows = stored(collector, list(of), time.time_ns() // 1000, need)
    for name, events in of.items():
        assert rows[name].keys() == events.keys()
        for event_id, fields in events.items():
            row = rows[name][event_id]
            assert {key: row.get(key) for key in fields} == fields


def seeing(types: set[str]) -> Instance:
    """An instance that sees all events of some types, and all that is mapped."""
    return Instance(
        types=sorted({*types, "view"}),  # so do they at views
        last=100,
        fields=[Hash("type"), Hash("user_id"), *map(Hash, KEPT)],
        metadata=[Last(name, Hash(name)) for name in KEPT],
        hash_buckets=64,
        metadata_buckets=16,
    )


def test_trackers_of_snowplow(
    browser: Any,  # noqa: F811
    collector_server: Start,
    tmp_path: Path,
) -> None:
    installed("@snowplow/browser-tracker")
    told = [event for _, event in snowplow_python.EVENTS]
    told += [event for _, _, event in snowplow_node.CALLS] + snowplow_browser.TRACKED
    sees = seeing({event["type"] for event in told})
    settings = sinks_in(tmp_path / "sinks", sees, MAPPING)
    with site_of(snowplow_browser.PAGE, snowplow_browser.SCRIPTS) as site:
        source = source_of(["snowplow"], origins=[site.origin()])
        collector = collector_server(sources={"shop": source}, **settings)
        sent = snowplow_python.Sent(collector.url, "post")
        for event, _ in snowplow_python.EVENTS:
            sent.tracker.track(event())
        sent.emitter.sync_flush()
        snowplow_node.tracked(collector.url)
        snowplow_browser.begun(browser, site, collector)
        browser.execute_script(snowplow_browser.TRACK + "tracker.flushBuffer();")
        done = len(snowplow_browser.TRACKED)
        browser.execute_async_script(snowplow_browser.DONE, done)
    assert len(collector.events()) == len(told)
    check_sinks(collector, "anonymous_id", sees, {*KEPT} - {"total", "seats"})


def test_clients_of_posthog(collector_server: Start, tmp_path: Path) -> None:
    told = posthog_python.wanted(later=False) + posthog_node.WANTED
    sees = seeing({event["type"] for event in told})
    settings = sinks_in(tmp_path / "sinks", sees, MAPPING, "user_id")
    collector = collector_server(["posthog"], **settings)
    client = Posthog(KEY, host=collector.url)
    posthog_python.call_all(client)
    client.shutdown()
    posthog_node.called(collector.url)
    assert len(collector.events()) == len(told)
    check_sinks(collector, "user_id", sees, {"total", "user_id"})


def test_what_is_sent_again_is_archived_once(collector_server: Start) -> None:
    """As a tracker does whose answer was lost."""
    collector = collector_server(["snowplow"])
    sent = snowplow_python.Sent(collector.url, "post", batch_size=100)
    for event, _ in snowplow_python.EVENTS:
        sent.tracker.track(event())
    again = sent.emitter.event_store.get_events_batch()
    for _ in range(2):
        sent.emitter.send_events(again)
    collector.stop()
    deliver(collector)
    spooled = [event["event_id"] for event in collector.events()]
    assert {*doubled(spooled)} == {*spooled} == {*sent.acknowledged}
    assert sorted(each["event_id"] for each in archived(collector)) == sorted(
        {*spooled}
    )

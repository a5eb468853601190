"""snowplow-tracker for Python, as it is installed, against a real collector."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from snowplow_tracker import (
    Emitter,
    PagePing,
    PageView,
    ScreenView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)

from tests.collect.clients.parts import find_all
from tests.collect.clients.shared import Since
from tests.collect.real_collector import KEY, RealCollector

PROTOCOL = "snowplow"

ACME = "iglu:com.acme/"
CONTEXT = [SelfDescribingJson(ACME + "user/jsonschema/1-0-0", {"plan": "pro"})]
WITH_CONTEXT = {"contexts": {"com.acme/user": [{"plan": "pro"}]}}
TRUE_MS = 1_700_000_000_123
URL = "https://shop.example/caf\u00e9?a=b&c=d"


def subject() -> Subject:
    return (
        Subject()
        .set_platform("web")
        .set_user_id("ann")
        .set_domain_user_id("visitor-1")
        .set_domain_session_id("9c65e7f3-8e8e-470d-b243-910b5b300da0")
        .set_domain_session_index(3)
        .set_ip_address("203.0.113.9")
        .set_useragent("Mozilla/5.0 (X11)")
        .set_network_user_id("network-1")
        .set_screen_resolution(1920, 1080)
        .set_viewport(1200, 700)
        .set_color_depth(24)
        .set_timezone("Europe/Berlin")
        .set_lang("de")
    )


OF_SUBJECT = {
    "platform": "web",
    "user_id": "ann",
    "anonymous_id": "visitor-1",
    "domain_sessionid": "9c65e7f3-8e8e-470d-b243-910b5b300da0",
    "domain_sessionidx": 3,
    "user_ipaddress": "203.0.113.9",
    "user_agent": "Mozilla/5.0 (X11)",
    "network_userid": "network-1",
    "dvce_screenwidth": 1920,
    "dvce_screenheight": 1080,
    "br_viewwidth": 1200,
    "br_viewheight": 700,
    "br_colordepth": "24",
    "os_timezone": "Europe/Berlin",
    "br_lang": "de",
    "app_id": KEY,
    "name_tracker": "shop",
    "v_tracker": "py-1.1.0",
    "source": "shop",
}

EVENTS: list[tuple[Callable[[], Any], dict[str, Any]]] = [
    (
        lambda: PageView(
            page_url=URL, page_title="T\u00efte", referrer="r", context=CONTEXT
        ),
        {
            "type": "page_view",
            "url": URL,
            "page_title": "T\u00efte",
            "referrer": "r",
            **WITH_CONTEXT,
        },
    ),
    (
        lambda: PagePing(page_url=URL, min_x=0, max_x=1, min_y=2, max_y=300),
        {
            "type": "page_ping",
            "pp_xoffset_max": 1,
            "pp_yoffset_min": 2,
            "pp_yoffset_max": 300,
        },
    ),
    (
        lambda: StructuredEvent("shop", "add", "red", "pcs", 2.5),
        {
            "type": "add",
            "event": "struct",
            "properties": {
                "category": "shop",
                "label": "red",
                "property": "pcs",
                "value": 2.5,
            },
        },
    ),
    (
        lambda: SelfDescribing(
            SelfDescribingJson(
                ACME + "paid/jsonschema/1-0-2", {"n": 1, "a": ["\u00e9"]}
            ),
            true_timestamp=TRUE_MS,
        ),
        {
            "type": "paid",
            "event_vendor": "com.acme",
            "event_version": "1-0-2",
            "properties": {"n": 1, "a": ["\u00e9"]},
            "timestamp": TRUE_MS * 1000,
            "true_tstamp": "2023-11-14T22:13:20.123Z",
        },
    ),
    (
        lambda: ScreenView(
            id_="6b0d4c3e-9d4b-4d12-a0f3-6a9d2f3b8a01", name="home", type="feed"
        ),
        {"type": "screen_view", "properties": {"name": "home", "type": "feed"}},
    ),
]

ITEM = {"sku": "s1", "price": 9.5, "quantity": 2, "name": "sock", "category": "wool"}
FIELD = {"name": "n", "value": "v", "nodeName": "INPUT", "type": "text"}
# The methods before version 1, which many still call, and what they make.
CALLS: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    (
        "link_click",
        {"target_url": "t", "element_id": "i", "element_classes": ["c"]},
        [{"type": "link_click", "properties": {"targetUrl": "t", "elementId": "i"}}],
    ),
    (
        "add_to_cart",
        {"sku": "s", "quantity": 2, "unit_price": 9.5, "currency": "EUR"},
        [{"type": "add_to_cart", "properties": {"unitPrice": 9.5, "quantity": 2}}],
    ),
    (
        "remove_from_cart",
        {"sku": "s", "quantity": 1},
        [{"type": "remove_from_cart", "properties": {"sku": "s", "quantity": 1}}],
    ),
    (
        "form_change",
        {"form_id": "f", "element_id": "e", "node_name": "INPUT", "value": "v"},
        [{"type": "change_form", "properties": {"formId": "f", "value": "v"}}],
    ),
    (
        "form_submit",
        {"form_id": "f", "form_classes": ["c"], "elements": [FIELD]},
        [{"type": "submit_form", "properties": {"formId": "f", "elements": [FIELD]}}],
    ),
    (
        "site_search",
        {"terms": ["red", "sock"], "total_results": 7},
        [{"type": "site_search", "properties": {"terms": ["red", "sock"]}}],
    ),
    (
        "ecommerce_transaction",
        {
            "order_id": "o1",
            "total_value": 20.5,
            "affiliation": "web",
            "tax_value": 3.25,
            "shipping": 2.5,
            "city": "Ulm",
            "state": "BW",
            "country": "DE",
            "currency": "EUR",
            "items": [ITEM],
        },
        [
            {
                "type": "transaction",
                "tr_orderid": "o1",
                "tr_total": 20.5,
                "tr_affiliation": "web",
                "tr_tax": 3.25,
                "tr_shipping": 2.5,
                "tr_city": "Ulm",
                "tr_state": "BW",
                "tr_country": "DE",
                "tr_currency": "EUR",
            },
            {
                "type": "transaction_item",
                "ti_orderid": "o1",
                "ti_sku": "s1",
                "ti_price": 9.5,
                "ti_quantity": 2,
                "ti_name": "sock",
                "ti_category": "wool",
            },
        ],
    ),
    (
        "screen_view",
        {"name": "home", "id_": "1"},
        [{"type": "screen_view", "properties": {"name": "home", "id": "1"}}],
    ),
]

ways = pytest.mark.parametrize("method", ["post", "get"])
codings = pytest.mark.parametrize("base64", [True, False])


class Sent:
    """A tracker, and what it was told that the collector has."""

    def __init__(self, url: str, method: str, base64: bool = True, **named: Any):
        self.acknowledged: list[str] = []
        self.failed: list[str] = []
        self.emitter = Emitter(
            url,
            method=method,
            batch_size=named.pop("batch_size", 4),
            on_success=self._acknowledge,
            on_failure=lambda _, sent: self.failed.extend(e["eid"] for e in sent),
            **named,
        )
        self.tracker = Tracker(
            "shop", self.emitter, subject(), app_id=KEY, encode_base64=base64
        )

    def _acknowledge(self, sent: list[dict[str, Any]]) -> None:
        self.acknowledged += [event["eid"] for event in sent]


@ways
@codings
def test_each_event_is_found_field_by_field(
    collector: Since, method: str, base64: bool
) -> None:
    sent = Sent(collector.url, method, base64)
    began_us = time.time_ns() // 1000 - 1_000_000
    for event, _ in EVENTS:
        sent.tracker.track(event())
    sent.emitter.sync_flush()

    events = collector.events()
    assert [event["event_id"] for event in events] == sent.acknowledged
    find_all(events, [OF_SUBJECT | wanted for _, wanted in EVENTS])
    assert not collector.bad() and not sent.failed
    for event in events:
        assert event["timestamp"] <= event["received_at"] <= time.time_ns() // 1000
        if "true_tstamp" not in event:
            assert began_us <= event["timestamp"]


@ways
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_earlier_methods_send_is_found_too(collector: Since, method: str) -> None:
    sent = Sent(collector.url, method)
    for name, arguments, _ in CALLS:
        getattr(sent.tracker, f"track_{name}")(**arguments)
    sent.emitter.sync_flush()
    wanted = [OF_SUBJECT | each for _, _, made in CALLS for each in made]
    find_all(collector.events(), wanted)
    assert len(sent.acknowledged) == len(wanted)


def test_a_tracker_stops_where_its_app_id_is_unknown(collector: Since) -> None:
    sent = Sent(collector.url, "post", batch_size=1)
    other = Tracker("shop", sent.emitter, app_id="nobody")
    other.track(PageView(page_url=URL))
    assert len(sent.failed) == 1 and not sent.emitter.retry_timer.is_active()
    assert not collector.records()


@ways
def test_a_key_in_the_address_serves_any_app_id(collector: Since, method: str) -> None:
    sent = Sent(f"{collector.url}/sp/{KEY}", method)
    for app in ("ios", "android"):
        Tracker("t", sent.emitter, app_id=app).track(PageView(page_url=URL))
    sent.emitter.sync_flush()
    find_all(collector.events(), [{"app_id": "ios"}, {"app_id": "android"}])


def test_a_tracker_tries_again_until_the_collector_is_back(
    collector_server: Callable[..., RealCollector],
) -> None:
    collector = collector_server(["snowplow"])
    sent = Sent(collector.url, "post", max_retry_delay_seconds=1, request_timeout=2)
    collector.kill()
    for event, _ in EVENTS:
        sent.tracker.track(event())
    assert sent.failed and not sent.acknowledged
    collector.start()
    until = time.monotonic() + 20
    while len(sent.acknowledged) < len(EVENTS) and time.monotonic() < until:
        sent.emitter.sync_flush()
        time.sleep(0.1)
    find_all(collector.events(), [OF_SUBJECT | wanted for _, wanted in EVENTS])

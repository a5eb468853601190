"""@snowplow/node-tracker, as it is installed, against a real collector."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collect.clients.node import run_node
from tests.collect.clients.parts import find_all
from tests.collect.clients.shared import Since
from tests.collect.real_collector import KEY

PROTOCOL = "snowplow"

SCRIPT = """
import * as sp from "@snowplow/node-tracker";
const {url, app, emitter, calls} = JSON.parse(process.env.TOLD);
const told = {acknowledged: [], failed: []};
const tracker = sp.newTracker(
  {namespace: "shop", appId: app, encodeBase64: emitter.encodeBase64 ?? true},
  {
    endpoint: url, bufferSize: 4, ...emitter,
    onRequestSuccess: (events) => told.acknowledged.push(...events.map((e) => e.eid)),
    onRequestFailure: (failure) =>
      told.failed.push([failure.status, failure.willRetry]),
  },
);
tracker.setUserId("ann");
tracker.setDomainUserId("visitor-1");
tracker.setSessionId("9c65e7f3-8e8e-470d-b243-910b5b300da0");
tracker.setSessionIndex(3);
tracker.setScreenResolution(1920, 1080);
tracker.setViewport(1200, 700);
tracker.setColorDepth(24);
tracker.setTimezone("Europe/Berlin");
tracker.setLang("de");
tracker.setIpAddress("203.0.113.9");
tracker.setUseragent("Mozilla/5.0 (X11)");
const entity = {schema: "iglu:com.acme/user/jsonschema/1-0-0", data: {plan: "pro"}};
for (const [build, argument] of calls) tracker.track(sp[build](argument), [entity]);
const end = Date.now() + 10000;
while (told.acknowledged.length < calls.length && !told.failed.length) {
  if (Date.now() > end) break;
  await tracker.flush();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(JSON.stringify(told));
process.exit(0);
"""
OF_ALL = {
    "user_id": "ann",
    "anonymous_id": "visitor-1",
    "domain_sessionid": "9c65e7f3-8e8e-470d-b243-910b5b300da0",
    "domain_sessionidx": 3,
    "dvce_screenwidth": 1920,
    "br_viewheight": 700,
    "br_colordepth": "24",
    "os_timezone": "Europe/Berlin",
    "br_lang": "de",
    "user_ipaddress": "203.0.113.9",
    "user_agent": "Mozilla/5.0 (X11)",
    "app_id": KEY,
    "name_tracker": "shop",
    "v_tracker": "node-4.8.0",
    "platform": "srv",
    "source": "shop",
    "contexts": {"com.acme/user": [{"plan": "pro"}]},
}
ITEM = {"sku": "s1", "quantity": 2, "unitPrice": 9.5, "currency": "EUR"}
FIELD = {"formId": "f", "elementId": "e", "nodeName": "INPUT", "value": "\u00e9"}


def described(kind: str, /, **data: Any) -> dict[str, Any]:
    return {"type": kind, "event": "unstruct", "properties": data}


# What is called, with what, and the event that it is to become.
CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "buildPageView",
        {"pageUrl": "https://shop.example/\u00e9", "pageTitle": "T", "referrer": "r"},
        {
            "type": "page_view",
            "url": "https://shop.example/\u00e9",
            "page_title": "T",
            "referrer": "r",
        },
    ),
    (
        "buildPagePing",
        {"pageUrl": "u", "minXOffset": 0, "maxXOffset": 5, "maxYOffset": 300},
        {"type": "page_ping", "pp_xoffset_max": 5, "pp_yoffset_max": 300},
    ),
    (
        "buildStructEvent",
        {
            "category": "shop",
            "action": "add",
            "label": "l",
            "property": "p",
            "value": 2.5,
        },
        {
            "type": "add",
            "properties": {
                "category": "shop",
                "label": "l",
                "property": "p",
                "value": 2.5,
            },
        },
    ),
    (
        "buildSelfDescribingEvent",
        {
            "event": {
                "schema": "iglu:com.acme/paid/jsonschema/1-0-2",
                "data": {"n": 1, "a": ["\u00e9"]},
            }
        },
        {**described("paid", n=1, a=["\u00e9"]), "event_vendor": "com.acme"},
    ),
    (
        "buildScreenView",
        {"name": "home", "id": "1"},
        described("screen_view", name="home"),
    ),
    ("buildLinkClick", {"targetUrl": "t"}, described("link_click", targetUrl="t")),
    ("buildAddToCart", ITEM, described("add_to_cart", **ITEM)),
    ("buildRemoveFromCart", ITEM, described("remove_from_cart", **ITEM)),
    (
        "buildFormFocusOrChange",
        {"schema": "change_form", "type": "text", **FIELD},
        described("change_form", type="text", **FIELD),
    ),
    (
        "buildFormFocusOrChange",
        {"schema": "focus_form", "type": "text", **FIELD},
        described("focus_form", elementType="text", **FIELD),
    ),
    (
        "buildFormSubmission",
        {"formId": "f", "elements": [{"name": "n", "value": "v"}]},
        described("submit_form", formId="f", elements=[{"name": "n", "value": "v"}]),
    ),
    (
        "buildSiteSearch",
        {"terms": ["a", "b"], "totalResults": 7},
        described("site_search", terms=["a", "b"], totalResults=7),
    ),
    (
        "buildSocialInteraction",
        {"action": "like", "network": "n", "target": "t"},
        described("social_interaction", action="like", target="t"),
    ),
    (
        "buildAdImpression",
        {"impressionId": "i", "costModel": "cpc", "cost": 0.5},
        described("ad_impression", impressionId="i", cost=0.5),
    ),
    (
        "buildAdClick",
        {"targetUrl": "t", "clickId": "c"},
        described("ad_click", clickId="c"),
    ),
    (
        "buildAdConversion",
        {"conversionId": "c", "action": "buy"},
        described("ad_conversion", conversionId="c", action="buy"),
    ),
    (
        "buildEcommerceTransaction",
        {"orderId": "o", "affiliation": "w", "total": 20.5, "currency": "EUR"},
        {
            "type": "transaction",
            "tr_orderid": "o",
            "tr_affiliation": "w",
            "tr_total": 20.5,
            "tr_currency": "EUR",
        },
    ),
    (
        "buildEcommerceTransactionItem",
        {"orderId": "o", "sku": "s", "name": "n", "price": 9.5, "quantity": 2},
        {
            "type": "transaction_item",
            "ti_orderid": "o",
            "ti_sku": "s",
            "ti_name": "n",
            "ti_price": 9.5,
            "ti_quantity": 2,
        },
    ),
]


def tracked(url: str, app: str = KEY, **emitter: Any) -> dict[str, Any]:
    calls = [(name, arguments) for name, arguments, _ in CALLS]
    told = {"url": url, "app": app, "emitter": emitter, "calls": calls}
    found: dict[str, Any] = run_node(
        SCRIPT, "@snowplow/node-tracker", TOLD=json.dumps(told)
    )
    return found


@pytest.mark.parametrize(
    "emitter",
    [
        {"eventMethod": "post"},
        {"eventMethod": "get"},
        {"eventMethod": "post", "encodeBase64": False, "postPath": f"/sp/{KEY}/own"},
    ],
)
def test_each_event_is_found_field_by_field(
    collector: Since, emitter: dict[str, Any]
) -> None:
    told = tracked(collector.url, **emitter)
    events = collector.events()
    assert [event["event_id"] for event in events] == told["acknowledged"]
    find_all(events, [OF_ALL | wanted for _, _, wanted in CALLS])
    assert not collector.bad() and not told["failed"]


def test_a_tracker_stops_where_its_app_id_is_unknown(
    collector: Since,
) -> None:
    told = tracked(collector.url, app="nobody")
    assert told["failed"][0] == [401, False] and not told["acknowledged"]
    assert not collector.records()

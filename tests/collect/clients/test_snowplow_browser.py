"""@snowplow/browser-tracker and its plugins in a real browser, to a real collector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import browser, eventually  # noqa: F401

from tests.collect.clients.parts import lacking
from tests.collect.clients.shared import running
from tests.collect.clients.shop_site import Site, installed, site_of
from tests.collect.real_collector import KEY, RealCollector, source_of

SCRIPTS = {
    f"/{name}.js": f"@snowplow/{name}/dist/index.umd.min.js"
    for name in (
        "browser-tracker",
        "browser-plugin-button-click-tracking",
        "browser-plugin-form-tracking",
        "browser-plugin-link-click-tracking",
        "browser-plugin-site-tracking",
        "browser-plugin-snowplow-ecommerce",
    )
}
PAGE = (
    """<!doctype html><meta charset="utf-8"><title>A caf\u00e9</title>
<body style="height: 4000px">
<a id="link" class="big" href="#there" target="_self">There</a>
<button id="button" name="buy">Buy</button>
<form id="form" onsubmit="return false"><input id="field" name="size" value="s">
<input type="submit" id="send"></form>
"""
    + "".join(f'<script src="{path}"></script>' for path in SCRIPTS)
    + """<script>
const tracker = snowplowBrowserTracking, shop = snowplowEcommerceAccelerator;
const links = snowplowLinkClickTracking, forms = snowplowFormTracking;
const buttons = snowplowButtonClickTracking, site = snowplowSiteTracking;
window.told = [];
window.failed = [];
function begin(url, options) {
  tracker.newTracker("sp", url, {
    appId: "APP_ID",
    contexts: {webPage: true, browser: true, session: true},
    plugins: [
      links.LinkClickTrackingPlugin(), forms.FormTrackingPlugin(),
      buttons.ButtonClickTrackingPlugin(), site.SiteTrackingPlugin(),
      shop.SnowplowEcommercePlugin(),
    ],
    onRequestSuccess: (events) => window.told.push(...events.map((e) => e.eid)),
    onRequestFailure: (failure) => window.failed.push(failure.status),
    ...options,
  });
}
</script>"""
).replace("APP_ID", KEY)

TRACK = """
const product = {id: "p1", price: 9.5, currency: "EUR", name: "so\u00dfk", quantity: 2};
tracker.setUserId("ann");
tracker.trackPageView({
  context: [{schema: "iglu:com.acme/ab/jsonschema/1-0-0", data: {group: "b"}}],
});
tracker.trackStructEvent({
  category: "shop", action: "add", label: "red", property: "pcs", value: 2.5,
});
tracker.trackSelfDescribingEvent({event: {
  schema: "iglu:com.acme/paid/jsonschema/1-0-2", data: {n: 1, a: ["\u00e9", {b: null}]},
}});
links.trackLinkClick({targetUrl: "https://else.example/", elementId: "x"});
buttons.trackButtonClick({label: "Pay"});
site.trackSocialInteraction({action: "like", network: "n", target: "t"});
site.trackSiteSearch({terms: ["red", "sock"], totalResults: 7});
site.trackTiming({category: "load", variable: "map", timing: 120, label: "l"});
shop.setPageType({type: "cart"});
shop.setEcommerceUser({id: "u9", is_guest: true});
shop.trackProductView(product);
shop.trackProductListView({name: "top", products: [product]});
shop.trackProductListClick({name: "top", product});
shop.trackPromotionView({id: "promo"});
shop.trackPromotionClick({id: "promo"});
shop.trackAddToCart({total_value: 19, currency: "EUR", products: [product]});
shop.trackRemoveFromCart({total_value: 0, currency: "EUR", products: [product]});
shop.trackCheckoutStep({step: 2});
const paid = {
  transaction_id: "o1", revenue: 20.5, currency: "EUR", payment_method: "card",
};
shop.trackTransaction({...paid, products: [product]});
shop.trackRefund({transaction_id: "o1", currency: "EUR", refund_amount: 5});
shop.trackTransactionError({error_code: "e1", transaction: paid});
"""

PRODUCT = {"id": "p1", "price": 9.5, "currency": "EUR", "name": "so\u00dfk"}
ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce/"


def action(kind: str, schema: str, *data: dict[str, Any], **own: Any) -> dict[str, Any]:
    """What the e-commerce plugin makes of a call."""
    return {
        "type": "snowplow_ecommerce_action",
        "properties": {"type": kind, **own},
        "contexts": {
            ECOMMERCE + schema: [*data],
            ECOMMERCE + "page": [{"type": "cart"}],
            ECOMMERCE + "user": [{"id": "u9", "is_guest": True}],
        },
    }


PAID = {"transaction_id": "o1", "revenue": 20.5}
TRACKED: list[dict[str, Any]] = [
    {"type": "page_view", "contexts": {"com.acme/ab": [{"group": "b"}]}},
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
    {
        "type": "paid",
        "event_vendor": "com.acme",
        "event_version": "1-0-2",
        "properties": {"n": 1, "a": ["\u00e9", {"b": None}]},
    },
    {"type": "link_click", "properties": {"targetUrl": "https://else.example/"}},
    {"type": "button_click", "properties": {"label": "Pay"}},
    {"type": "social_interaction", "properties": {"action": "like", "target": "t"}},
    {
        "type": "site_search",
        "properties": {"terms": ["red", "sock"], "totalResults": 7},
    },
    {"type": "timing", "properties": {"category": "load", "timing": 120}},
    action("product_view", "product", PRODUCT),
    action("list_view", "product", PRODUCT, name="top"),
    action("list_click", "product", PRODUCT, name="top"),
    action("promo_view", "promotion", {"id": "promo"}),
    action("promo_click", "promotion", {"id": "promo"}),
    action("add_to_cart", "cart", {"total_value": 19, "currency": "EUR"}),
    action("remove_from_cart", "cart", {"total_value": 0, "currency": "EUR"}),
    action("checkout_step", "checkout_step", {"step": 2}),
    action("transaction", "transaction", PAID),
    action("refund", "refund", {"transaction_id": "o1", "refund_amount": 5}),
    action("trns_error", "transaction_error", {"error_code": "e1"}),
]

DONE = """
const [wanted, done] = arguments;
const since = Date.now();
(function look() {
  const enough = window.told.length >= wanted || Date.now() - since > 15000;
  enough ? done(window.told) : setTimeout(look, 20);
})();
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    installed(*{script.rpartition("/dist/")[0] for script in SCRIPTS.values()})
    with site_of(PAGE, SCRIPTS) as found:
        yield found


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, site: Site
) -> Iterator[RealCollector]:
    origins = [site.origin("localhost"), site.origin("127.0.0.1")]
    sources = {"shop": source_of(["snowplow"], origins=origins)}
    with running(tmp_path_factory.mktemp("shared"), sources=sources) as one:
        yield one


def begun(
    browser: Any,  # noqa: F811
    site: Site,
    collector: Any,
    host: str = "localhost",
    **options: Any,
) -> None:
    browser.get(site.origin(host) + "/caf%C3%A9?a=b&c=d")
    browser.delete_all_cookies()
    browser.execute_script(
        "localStorage.clear(); begin(...arguments);", collector.url, options
    )


@pytest.mark.parametrize(
    "options",
    [
        {"eventMethod": "post", "bufferSize": 5},
        {"eventMethod": "post", "encodeBase64": True, "keepalive": True},
        {"eventMethod": "get"},
        {"eventMethod": "post", "postPath": f"/sp/{KEY}/elsewhere"},
    ],
)
def test_each_event_is_found_field_by_field(
    browser: Any,  # noqa: F811
    site: Site,
    collector: Any,
    options: dict[str, Any],
) -> None:
    begun(browser, site, collector, **options)
    browser.execute_script(TRACK + "tracker.flushBuffer();")
    told = browser.execute_async_script(DONE, len(TRACKED))

    events = collector.events()
    assert [event["event_id"] for event in events] == told
    of_page = browser.execute_script(
        """return {
          url: location.href, user_agent: navigator.userAgent,
          br_lang: navigator.language, doc_charset: "UTF-8", page_title: document.title,
          dvce_screenwidth: screen.width, dvce_screenheight: screen.height,
          os_timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          user_id: "ann", platform: "web", name_tracker: "sp", br_cookies: true,
        }"""
    )
    del of_page["page_title"]  # of views and pings only
    assert len(events) == len(TRACKED)
    for event, wanted in zip(events, TRACKED, strict=True):
        assert not lacking(event, of_page | {"app_id": KEY, "source": "shop"} | wanted)
        assert event["timestamp"] <= event["received_at"]
        assert event["v_tracker"].startswith("js-4.")
        web_page = event["contexts"]["com.snowplowanalytics.snowplow/web_page"]
        assert (
            web_page == events[0]["contexts"]["com.snowplowanalytics.snowplow/web_page"]
        )
    assert events[0]["page_title"] == "A caf\u00e9"
    cookie = next(c for c in browser.get_cookies() if c["name"].startswith("_sp_id"))
    visitor, _, session = (cookie["value"].split(".")[i] for i in (0, 1, 5))
    assert {event["anonymous_id"] for event in events} == {visitor}
    assert {event["domain_sessionid"] for event in events} == {session}
    assert {event["domain_sessionidx"] for event in events} == {1}
    assert not collector.bad()


def test_what_a_visitor_does_is_tracked_by_itself(
    browser: Any,  # noqa: F811
    site: Site,
    collector: Any,
) -> None:
    begun(browser, site, collector)
    browser.execute_script("""
      links.enableLinkClickTracking({trackContent: true});
      buttons.enableButtonClickTracking();
      forms.enableFormTracking();
      tracker.enableActivityTracking({minimumVisitLength: 1, heartbeatDelay: 1});
      tracker.trackPageView();
    """)
    by = {
        name: browser.find_element("id", name) for name in ("link", "button", "field")
    }
    by["link"].click()
    by["button"].click()
    by["field"].send_keys("xl")
    browser.find_element("id", "send").click()
    browser.execute_script("scrollTo(0, 500)")

    def found() -> dict[str, Any]:
        return {event["type"]: event for event in reversed(collector.events())}

    wanted = {
        "link_click": {"elementId": "link", "elementContent": "There"},
        "button_click": {"label": "Buy", "id": "button", "name": "buy"},
        "focus_form": {"formId": "form", "elementId": "size", "value": "s"},
        "change_form": {"formId": "form", "elementId": "size", "value": "sxl"},
        "submit_form": {"formId": "form"},
    }
    kinds = {*wanted, "page_view", "page_ping"}
    events = eventually(found, lambda each: kinds <= {*each})
    for name, properties in wanted.items():
        assert not lacking(events[name], {"properties": properties}), name
    assert "pp_yoffset_max" in events["page_ping"]


def test_a_browser_is_known_again_and_may_be_anonymous(
    browser: Any,  # noqa: F811
    site: Site,
    collector: Any,
) -> None:
    def seen(count: int) -> list[Any]:
        browser.execute_script("tracker.trackPageView(); tracker.flushBuffer();")
        told = browser.execute_async_script(DONE, count)
        assert len(told) == count
        return [event.get("network_userid") for event in collector.events()]

    begun(browser, site, collector, host="127.0.0.1")
    first, again = [*seen(1), *seen(2)][-2:]
    assert first == again is not None
    assert "sp" in {cookie["name"] for cookie in browser.get_cookies()}

    begun(
        browser,
        site,
        collector,
        host="127.0.0.1",
        anonymousTracking={"withServerAnonymisation": True},
    )
    assert seen(1)[-1] is None
    event = collector.events()[-1]
    assert not {"anonymous_id", "user_id", "user_ipaddress"} & {*event}
    assert "sp" not in {cookie["name"] for cookie in browser.get_cookies()}


def test_a_page_that_is_not_listed_is_refused(
    browser: Any,  # noqa: F811
    site: Site,
    collector_server: Callable[..., Any],
) -> None:
    other = collector_server(
        sources={"shop": source_of(["snowplow"], origins=["https://shop.example"])}
    )
    begun(browser, site, other)
    browser.execute_script("tracker.trackPageView(); tracker.flushBuffer();")
    eventually(lambda: browser.execute_script("return window.failed"))
    assert not other.records()

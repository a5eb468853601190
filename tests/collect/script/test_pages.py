"""What the script tells of pages and of those who look at them, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from browser import complaints, eventually
from selenium.webdriver.common.by import By

from tests.collect.script.conftest import Visit, types_of


def test_a_page_view_says_who_where_and_when(visit: Visit) -> None:
    visit.open("/shoes?colour=red#top")
    (event,) = visit.until("page_view")
    agent, clock = visit.run("return [navigator.userAgent, Date.now()]")
    assert event["url"] == visit.site.origin + "/shoes?colour=red#top"
    assert event["user_agent"] == agent and event["source"] == "shop"
    assert event["anonymous_id"] and event["event_id"] and "user_id" not in event
    assert "referrer" not in event and "properties" not in event
    assert abs(event["timestamp"] - clock * 1000) < 20_000_000
    assert event["timestamp"] <= event["received_at"]
    assert complaints(visit.browser) == [] and visit.run("return before") == []


def test_events_of_ones_own_and_of_a_known_user(visit: Visit) -> None:
    visit.open("/shoes")
    visit.run(
        "zap.track('add_to_cart', {sku: 'a-1', price: 12.5, sizes: [40, null]});"
        "zap.identify(17, {plan: 'gold'}); zap.track('buy'); zap.reset();"
        "zap.track('look')"
    )
    view, cart, identify, buy, look = visit.until(
        "page_view", "add_to_cart", "identify", "buy", "look"
    )
    assert cart["properties"] == {"sku": "a-1", "price": 12.5, "sizes": [40, None]}
    assert identify["traits"] == {"plan": "gold"}
    assert [each.get("user_id") for each in (cart, identify, buy, look)] == [
        None,
        "17",
        "17",
        None,
    ]
    ids = [each["anonymous_id"] for each in (view, cart, identify, buy, look)]
    assert ids[:4] == [ids[0]] * 4 and ids[4] != ids[0]
    assert all(each["url"] == view["url"] for each in (cart, identify, buy, look))


def test_a_visitor_stays_the_same_on_further_pages(visit: Visit) -> None:
    visit.open("/one")
    visit.run("zap.identify('u1')")
    visit.until("page_view", "identify")
    visit.open("/two")
    events = eventually(
        visit.events, lambda found: types_of(found).count("page_view") == 2
    )
    assert len({each["anonymous_id"] for each in events}) == 1
    last = [each for each in events if each["type"] == "page_view"][-1]
    assert last["user_id"] == "u1"


def test_routes_of_a_page_that_loads_once_are_pages(visit: Visit) -> None:
    visit.open("/a")
    visit.run(
        """
        history.pushState(null, "", "/b");        // another page
        history.replaceState({n: 1}, "");         // the same: only its state
        history.replaceState(null, "", "/c?x=1"); // another
        location.hash = "part";                   // a place on the same
        location.hash = "/deep";                  // a route
        """
    )
    visit.until(*["page_view", "time_on_page"] * 3, "page_view")
    visit.run("history.back()")
    events = visit.until(*["page_view", "time_on_page"] * 4, "page_view")
    paths = ["/a", "/b", "/c?x=1", "/c?x=1#/deep", "/c?x=1#part"]
    urls = [visit.site.origin + path for path in paths]
    views, times = events[::2], events[1::2]
    assert [each["url"] for each in views] == urls
    assert [each.get("referrer") for each in views] == [None, *urls[:-1]]
    assert [each["url"] for each in times] == urls[:-1]
    assert visit.run("return history.state") is None


def test_time_counts_only_while_the_page_is_in_sight(visit: Visit) -> None:
    visit.open("/long")
    visit.until("page_view")
    shown = visit.run("return performance.now()")
    first = visit.browser.current_window_handle
    visit.browser.switch_to.new_window("tab")  # the page is out of sight
    ((time),) = eventually(visit.events, lambda found: len(found) == 2)[1:]
    assert time["type"] == "time_on_page"
    assert shown / 1e3 - 1 < time["properties"]["seconds"] < 20
    visit.browser.close()
    visit.browser.switch_to.window(first)
    visit.run("window.seenAgain = performance.now()")
    visit.run("history.pushState(null, '', '/next')")
    again = visit.until("page_view", "time_on_page", "time_on_page", "page_view")[2]
    elapsed = visit.run("return performance.now() - seenAgain") / 1e3
    assert 0 <= again["properties"]["seconds"] <= elapsed + 1


def test_leaving_sends_what_is_there_and_the_time(visit: Visit) -> None:
    visit.open("/going")
    visit.until("page_view")
    visit.run("zap.track('last_word'); location.href = 'about:blank'")
    events = visit.until("page_view", "last_word", "time_on_page")
    assert events[2]["url"] == visit.site.origin + "/going"
    # The next page of the site asks again, as nobody has said that they came.
    visit.open("/back")
    eventually(visit.stored, lambda names: names == ["zap.visitor"])
    repeats = [each["event_id"] for each in visit.sent()]
    assert len(set(repeats)) == 4 and len(repeats) >= 4


def test_a_page_that_is_shown_again_is_viewed_again(visit: Visit) -> None:
    visit.open("/one")
    visit.until("page_view")
    visit.open("/two")
    visit.browser.back()
    kept = visit.run("return performance.getEntriesByType('navigation')[0].type")
    events = eventually(
        visit.events, lambda found: types_of(found).count("page_view") == 3
    )
    views = [each["url"] for each in events if each["type"] == "page_view"]
    assert views == [visit.site.origin + path for path in ("/one", "/two", "/one")]
    assert kept in ("navigate", "back_forward")


def test_clicks_are_told_only_where_the_page_asks_for_it(visit: Visit) -> None:
    def click() -> None:
        visit.run(
            "document.querySelector('#more').addEventListener('click',"
            "(event) => { event.preventDefault(); event.stopPropagation(); })"
        )
        for name in ("text", "buy", "chip", "secret"):
            visit.browser.find_element(By.ID, name).click()
        visit.browser.find_element(By.CSS_SELECTOR, "#more b").click()
        visit.run("zap.track('end')")

    visit.open("/quiet")
    click()
    visit.until("page_view", "end")
    visit.site.attributes += " data-clicks"
    visit.seen = len(visit.collector.records())
    visit.open("/loud")
    click()
    events = eventually(visit.events, lambda found: "end" in types_of(found))
    told = [each["properties"] for each in events if each["type"] == "click"]
    assert told == [
        {"id": "buy", "text": "Buy\n now", "href": None},
        {"id": "chip", "text": "Chip", "href": None},
        {"id": "more", "text": "More shoes", "href": "/more?id=1"},
    ]
    assert "not to be told" not in str(visit.collector.records())


def test_calls_from_before_the_script_was_there(visit: Visit) -> None:
    visit.site.script += (
        "window.zap = window.zap || [];"
        "zap.push(['identify', 'u9', {a: 1}], ['track', 'early', {b: 2}]);"
    )
    visit.open("/early")
    events = visit.until("page_view", "identify", "early")
    assert events[2]["properties"] == {"b": 2} and events[2]["user_id"] == "u9"
    visit.run("zap.push(['track', 'late'])")
    visit.until("page_view", "identify", "early", "late")


def test_a_script_that_is_loaded_twice_counts_once(visit: Visit) -> None:
    visit.site.head = (
        f'<script src="{visit.site.collector}/zap.js" {visit.site.attributes}></script>'
    )
    visit.open("/twice")
    visit.run("zap.track('end')")
    visit.until("page_view", "end")


def test_a_page_that_nobody_looks_at_yet_is_not_viewed(visit: Visit) -> None:
    """Chromium makes pages ready ahead; until they are shown, nobody sees them."""
    visit.site.script += (
        "let ahead = true;"
        "Object.defineProperty(document, 'prerendering', {get: () => ahead});"
        "addEventListener('show', () => { ahead = false;"
        "document.dispatchEvent(new Event('prerenderingchange')) });"
    )
    visit.open("/ahead")
    visit.run("zap.track('mark')")
    visit.until("mark")
    visit.run("dispatchEvent(new Event('show'))")
    visit.until("mark", "page_view")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("zap.track('t', {a: '\\ud83d', b: 'x\\u0000y', c: '</script>'})",
         {"a": "\ufffd", "b": "x\0y", "c": "</script>"}),
        ("zap.track('t', {n: NaN, f() {}, u: undefined, d: new Date(0), i: -1e400})",
         {"n": None, "d": "1970-01-01T00:00:00.000Z", "i": None}),
        ("zap.track('t', JSON.parse('{\"__proto__\": {\"a\": 1}, \"$&\": \"$1`\"}'))",
         {"__proto__": {"a": 1}, "$&": "$1`"}),
        ("Array.prototype.toJSON = () => 'spoilt';"
         "try { zap.track('t', {a: 1}) } finally { delete Array.prototype.toJSON }",
         {"a": 1}),
    ],
)  # fmt: skip
def test_odd_values_are_kept_as_json_can(
    visit: Visit, code: str, expected: dict[str, Any]
) -> None:
    visit.open("/odd")
    visit.run(code)
    events = visit.until("page_view", "t")
    assert events[1]["properties"] == expected
    assert complaints(visit.browser) == []


def test_what_is_no_event_is_said_and_counted_and_harms_no_other(visit: Visit) -> None:
    visit.open("/wrong")
    visit.run(
        """
        const round = {}; round.round = round;
        zap.track('a', round);
        zap.track('b', {n: 10n});
        zap.track(Symbol('c'));
        zap.track('d', {text: 'x'.repeat(20000)});
        let deep = {}; for (let i = 0; i < 40; i++) deep = {deep};
        zap.track('e', deep);
        zap.track('', {});
        zap.track('good');
        """
    )
    visit.until("page_view", "good")
    eventually(visit.bad, lambda found: len(found) == 3)
    assert sorted(reason for reason, _ in visit.bad()) == [
        "zap.depth",
        "zap.lost",
        "zap.type",
    ]
    assert ("zap.lost", {"lost": 4}) in visit.bad()
    said = complaints(visit.browser)
    assert len(said) == 4 and all('"zap"' in line for line in said)

"""Nothing is lost where the network, the collector or the storage is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from browser import chromium, complaints, eventually

from tests.collect.script.conftest import Visit, types_of, visiting

BLOCKED = {"profile.default_content_setting_values.cookies": 2}


def test_events_of_an_outage_come_once_each_and_in_order(visit: Visit) -> None:
    """The collector is killed while pages go on, over several loads of them."""
    visit.open("/before")
    visit.until("page_view")
    visit.collector.kill()
    for number in range(10):
        visit.run("zap.track('offline', {number: arguments[0]})", number)
    eventually(visit.stored, lambda names: len(names) == 11)
    visit.run("window.dispatchEvent(new Event('online'))")  # in vain
    visit.collector.start()
    # It tries again by itself, after a second or two.
    events = visit.until("page_view", *["offline"] * 10)
    assert [each["properties"]["number"] for each in events[1:]] == [*range(10)]
    assert len(visit.sent()) == 11, "sent once each"
    eventually(visit.stored, lambda names: names == ["zap.visitor"])


@pytest.mark.slow
def test_no_event_is_lost_to_a_collector_that_is_killed_again_and_again(
    visit: Visit,
) -> None:
    """300 events over 18 seconds, and six kills at times that nobody chose."""
    visit.open("/killed")
    visit.run(
        "window.n = 0; const timer = setInterval(() => {"
        "zap.track('n', {n: n++}); if (n == 300) clearInterval(timer) }, 60)"
    )
    random = Random(7)
    for _ in range(6):
        time.sleep(random.uniform(0.2, 2))
        visit.collector.kill()
        visit.collector.start()
        visit.run("dispatchEvent(new Event('online'))")
    eventually(lambda: visit.run("return n"), (300).__eq__)
    events = eventually(visit.events, lambda found: len(found) == 301)
    kept = sorted(each["properties"]["n"] for each in events[1:])
    assert kept == [*range(300)] and visit.bad() == []
    eventually(visit.stored, lambda names: names == ["zap.visitor"])


def test_events_wait_in_the_browser_for_a_later_visit(visit: Visit) -> None:
    visit.open("/one")
    visit.until("page_view")
    visit.collector.kill()
    visit.run("zap.track('kept', {text: 'gr\u00fc\u00dfe'})")
    eventually(visit.stored, lambda names: len(names) == 2)
    visit.browser.get("about:blank")  # in vain, too
    visit.collector.start()
    visit.open("/two")
    events = visit.until("page_view", "kept", "time_on_page", "page_view")
    assert events[1]["properties"] == {"text": "gr\u00fc\u00dfe"}
    assert events[2]["url"].endswith("/one") and events[3]["url"].endswith("/two")
    times = [each["timestamp"] for each in events]
    assert times == sorted(times), "each at its own time, not when it came"
    eventually(visit.stored, lambda names: names == ["zap.visitor"])
    assert len(visit.sent()) == 4


def test_a_long_outage_fills_no_storage_and_what_goes_is_counted(visit: Visit) -> None:
    visit.open("/long")
    visit.until("page_view")
    visit.collector.kill()
    visit.run("for (let n = 0; n < 250; n++) zap.track('n', {n, pad: 'x'.repeat(500)})")
    assert len(visit.stored()) == 101  # and the visitor
    visit.collector.start()
    visit.run("window.dispatchEvent(new Event('online'))")
    events = eventually(visit.events, lambda found: len(found) == 101)
    kept = [each["properties"]["n"] for each in events[1:]]
    assert kept == [*range(150, 250)], "the newest stay"
    eventually(visit.bad)
    assert visit.bad() == [("zap.lost", {"lost": 150})]


@pytest.mark.slow
def test_large_events_go_in_several_requests(visit: Visit) -> None:
    visit.open("/large")
    visit.run(
        "for (let n = 0; n < 9; n++) zap.track('n', {n, pad: '\u20ac'.repeat(14000)})"
    )
    events = visit.until("page_view", *["n"] * 9)
    assert [each["properties"]["n"] for each in events[1:]] == [*range(9)]
    assert {len(each["properties"]["pad"]) for each in events[1:]} == {14_000}
    assert complaints(visit.browser) == []


def test_a_page_whose_key_is_wrong_asks_once_and_keeps_its_events(visit: Visit) -> None:
    right = visit.site.attributes
    visit.site.attributes = 'data-key="wrong"'
    visit.site.script += (
        "window.asked = 0; const was = fetch;"
        "window.fetch = (...given) => { asked++; return was(...given); };"
    )
    visit.open("/wrong")
    eventually(lambda: visit.run("return asked"), (1).__eq__)
    visit.run("zap.track('a'); dispatchEvent(new Event('online'))")
    eventually(lambda: "401" in " ".join(complaints(visit.browser)))
    visit.run("zap.track('b')")
    assert visit.run("return asked") == 1 and len(visit.stored()) == 4
    visit.site.attributes = right
    visit.open("/right")
    visit.until("page_view", "a", "b", "time_on_page", "page_view")


def test_one_request_that_can_never_be_taken_is_not_sent_for_ever(
    visit: Visit,
) -> None:
    """Whatever else wrote into the storage: it goes, is counted, and the rest comes."""
    visit.open("/one")
    visit.until("page_view")
    visit.run("localStorage['zap.e1'] = '{\"e'")
    visit.open("/two")
    eventually(visit.stored, lambda names: names == ["zap.visitor"])
    visit.run("zap.track('after')")
    eventually(visit.events, lambda found: "after" in types_of(found))
    assert [reason for reason, _ in visit.bad()] == ["zap.lost"]


def test_two_pages_of_one_visitor_lose_nothing_to_each_other(visit: Visit) -> None:
    visit.open("/first")
    first = visit.browser.current_window_handle
    visit.browser.switch_to.new_window("tab")
    visit.open("/second")
    for window in (*[first, visit.browser.current_window_handle] * 3,):
        visit.browser.switch_to.window(window)
        visit.run("for (let n = 0; n < 20; n++) zap.track('both')")
    events = eventually(
        visit.events, lambda found: types_of(found).count("both") == 120
    )
    assert len({each["anonymous_id"] for each in events}) == 1
    eventually(visit.stored, lambda names: names == ["zap.visitor"])
    visit.browser.switch_to.window(first)
    visit.browser.switch_to.window(visit.browser.window_handles[1])
    visit.browser.close()
    visit.browser.switch_to.window(first)


@pytest.fixture(scope="module")
def closed_browser() -> Iterator[Any]:
    """A browser whose user lets no site keep anything."""
    with chromium(BLOCKED) as one:
        yield one


@pytest.fixture
def closed(closed_browser: Any, site: Any, collector: Any) -> Iterator[Visit]:
    yield from visiting(closed_browser, site, collector)


def test_without_storage_a_page_still_tells_of_itself(closed: Visit) -> None:
    closed.open("/closed")
    said = "try { localStorage; return 'open' } catch (error) { return error.name }"
    assert closed.run(said) == "SecurityError"
    closed.run("zap.identify(5); zap.track('a'); location.href = 'about:blank'")
    events = closed.until("page_view", "identify", "a", "time_on_page")
    assert len({each["anonymous_id"] for each in events}) == 1
    assert [each.get("user_id") for each in events] == [None, "5", "5", "5"]
    assert complaints(closed.browser) == []


@pytest.mark.slow
def test_a_storage_that_is_full_is_as_good_as_none(visit: Visit) -> None:
    visit.open("/own.js", wait=False)
    visit.run(
        "for (let size = 1 << 22, n = 0; size >= 1; n++)"
        " try { localStorage['own' + n] = 'x'.repeat(size) } catch { size >>= 1 }"
    )
    visit.open("/full")
    visit.run("zap.track('a'); zap.identify('u'); zap.track('b')")
    events = visit.until("page_view", "a", "identify", "b")
    assert len({each["anonymous_id"] for each in events}) == 1
    assert events[3]["user_id"] == "u"
    assert visit.stored() == [] and complaints(visit.browser) == []

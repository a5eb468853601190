"""Who asks not to be tracked is not, in browsers whose users have said so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import chromium, complaints

from tests.collect.script.conftest import Visit, visiting
from tests.collect.script.script_pages import OWN

# What the page's own code would see of a request that the script makes.
WATCH = (
    OWN + "window.asked = []; const was = fetch;"
    "window.fetch = (...given) => { asked.push(given); return was(...given); };"
    "navigator.sendBeacon = (...given) => { asked.push(given); return true; };"
)
DO = """
zap.track('a'); zap.identify('u1', {plan: 'gold'}); zap.reset();
zap.visitor({anonymous_id: 'x', token: 't', expires: 9e9});
zap.push(['track', 'b']);
history.pushState(null, '', '/other');
dispatchEvent(new Event('online')); dispatchEvent(new Event('pagehide'));
"""


@pytest.fixture(scope="module")
def silent_browser() -> Iterator[Any]:
    with chromium({"enable_do_not_track": True}) as one:
        yield one


@pytest.fixture
def silent(silent_browser: Any, site: Any, collector: Any) -> Iterator[Visit]:
    yield from visiting(silent_browser, site, collector)


def nothing_of(visit: Visit) -> None:
    """Nothing is asked or kept, whatever the page does; and nothing breaks."""
    visit.run(DO)
    assert visit.ask("return await zap.predict('shop')") is None
    assert visit.run("return asked") == [] and visit.stored() == []
    assert visit.events() == [] and visit.bad() == []
    assert complaints(visit.browser) == [] and visit.run("return before") == []


def test_do_not_track(silent: Visit) -> None:
    silent.site.script = WATCH
    silent.open("/silent")
    assert silent.run("return navigator.doNotTrack") == "1"
    nothing_of(silent)


def test_global_privacy_control_forgets_what_was_kept(visit: Visit) -> None:
    visit.open("/before")
    visit.run("zap.identify('u1'); localStorage.own = 1")
    visit.until("page_view", "identify")
    assert visit.stored() == ["zap.user", "zap.visitor"]
    visit.browser.get("about:blank")
    visit.until("page_view", "identify", "time_on_page")
    visit.site.script = (
        WATCH + "Object.defineProperty(navigator, 'globalPrivacyControl', "
        "{value: true});"
    )
    visit.open("/silent")
    visit.seen = len(visit.collector.records())
    nothing_of(visit)
    assert visit.run("return localStorage.own") == "1"


def test_who_says_nothing_is_counted(visit: Visit) -> None:
    """Else the tests above would pass with a script that does nothing."""
    visit.site.script = WATCH
    visit.open("/seen")
    visit.run("dispatchEvent(new Event('pagehide'))")
    # A slow machine sends the page view before the page goes, and the rest as it does.
    assert len(visit.run("return asked")) in (1, 2)

"""A page with the script in a real browser, and a real collector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from browser import browser, complaints, eventually  # noqa: F401

from tests.collect.real_collector import KEY, RealCollector, collector_at, source_of
from tests.collect.script.script_pages import OWN, Site, script_site
from zap.collect.event import Event
from zap.collect.record import BadRecord


@dataclass
class Visit:
    """What a test sees of one page and of what the collector keeps of it.

    Attributes:
        browser: that shows the page.
        site: whose page it is.
        collector: that takes its events.
        seen: records that were there before the test.
    """

    browser: Any
    site: Site
    collector: RealCollector
    seen: int = 0

    def open(self, path: str = "/", wait: bool = True) -> None:
        """Load a page; the script has run."""
        self.browser.get(self.site.origin + path)
        if wait:
            eventually(lambda: self.run("return typeof zap.track"), "function".__eq__)

    def run(self, code: str, *given: Any) -> Any:
        return self.browser.execute_script(code, *given)

    def ask(self, code: str, *given: Any) -> Any:
        """What a promise becomes, or how it fails."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{ {code} }})().then(done, (error) => "
            "done({failed: error.message, code: error.code}));"
        )
        return self.browser.execute_async_script(wrapped, *given)

    def sent(self) -> list[Event]:
        """The events of this test in their order, repeats among them."""
        found = self.collector.records()[self.seen :]
        return [one for one in found if isinstance(one, dict)]

    def events(self) -> list[Event]:
        """The same without repeats."""
        return list({one["event_id"]: one for one in reversed(self.sent())}.values())[
            ::-1
        ]

    def bad(self) -> list[tuple[str, Any]]:
        """The reasons and payloads of this test's bad rows."""
        found = self.collector.records()[self.seen :]
        rows = [one.row for one in found if isinstance(one, BadRecord)]
        return [(row.reason, row.payload) for row in rows]

    def until(self, *types: str) -> list[Event]:
        """The events, once they are of these types."""
        return eventually(self.events, lambda found: types_of(found) == [*types])

    def stored(self) -> list[str]:
        """The names under which the script keeps something in the browser."""
        return self.run(
            "return Object.keys(localStorage).filter(n => n.startsWith('zap.')).sort()"
        )


def types_of(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with script_site() as one:
        yield one


@pytest.fixture(scope="module")
def collector(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealCollector]:
    folder = tmp_path_factory.mktemp("script")
    sources = {"shop": source_of(["zap"], origins=[site.origin])}
    one = collector_at(folder, (), sources).start()
    yield one
    one.stop()


@pytest.fixture
def visit(
    browser: Any,  # noqa: F811
    site: Site,
    collector: RealCollector,
) -> Iterator[Visit]:
    """A visitor who has never been here; at the end nothing was complained of."""
    yield from visiting(browser, site, collector)


def visiting(browser: Any, site: Site, collector: RealCollector) -> Iterator[Visit]:  # noqa: F811
    """One test's visit in a browser."""
    site.collector = collector.url
    site.attributes = f'data-key="{KEY}"'
    site.head, site.script, site.connect = "", OWN, []
    browser.get(site.origin + "/own.js")
    browser.execute_script("try { localStorage.clear() } catch {}")
    complaints(browser)
    one = Visit(browser, site, collector, len(collector.records()))
    yield one
    browser.get("about:blank")
    # What is still on its way belongs to this test.
    eventually(lambda: len(collector.records()), Settled())


class Settled:
    """Whether a number is what it was a moment ago."""

    def __init__(self) -> None:
        self.last: object = None

    def __call__(self, value: object) -> bool:
        same, self.last = value == self.last, value
        return same

"""The console as a test sees it: what stands where on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from browser import complaints, eventually
from made_console import APPLICATION, Server

APP = f"app-{APPLICATION}"
T = TypeVar("T")


@dataclass
class Page:
    """The console, open in a browser."""

    browser: Any
    server: Server

    def open(self) -> None:
        """Load the page, and mark it so that loading it again is noticed."""
        complaints(self.browser)
        self.browser.get(self.server.page)
        self.wait_for("Up to date")
        self.run("window.opened = true")

    def run(self, script: str, *given: Any) -> Any:
        return self.browser.execute_script(script, *given)

    def soon(self, look: Callable[[], T], wanted: Callable[[T], bool] = bool) -> T:
        """As `eventually`, but the page asks at once, as when its tab is looked at."""

        def asked() -> T:
            self.run("document.dispatchEvent(new Event('visibilitychange'))")
            return look()

        return eventually(asked, wanted)

    def wait_for(self, text: str) -> None:
        """Until the line at the top says so."""
        eventually(lambda: self.text("#state"), lambda said: text in said)

    def text(self, selector: str) -> str:
        return str(
            self.run("return document.querySelector(arguments[0]).innerText", selector)
        )

    def cells(self, selector: str) -> list[list[str]]:
        """The table below a selector, row by row."""
        script = """return [...document.querySelectorAll(arguments[0] + " tbody tr")]
            .map((row) => [...row.cells].map((cell) => cell.innerText))"""
        found: list[list[str]] = self.run(script, selector)
        return found

    def predictions(self) -> list[list[str]]:
        return self.cells(f"#{APP}-predictions")

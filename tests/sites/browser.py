"""A headless browser for tests of pages: Chromium, driven by its own driver.

``apt-get install chromium chromium-driver`` brings both; nothing is fetched at a test.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser, shared by the tests of a process."""
    with chromium() as one:
        yield one


@contextmanager
def chromium(preferences: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """A browser of one's own, with settings that its user has made."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs server: chromium and chromium-driver (apt) for a browser")
    selenium = pytest.importorskip("selenium.webdriver", reason="needs extra: dev")
    options = selenium.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", dict(preferences or {}))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(driver)
    with selenium.Chrome(options=options, service=service) as one:
        one.set_script_timeout(20)
        yield one


def eventually(look: Callable[[], T], wanted: Callable[[T], bool] = bool) -> T:
    """What a look finds, once it is what is wanted; it may take 20 seconds."""
    until = time.monotonic() + 20
    while True:
        found = look()
        if wanted(found):
            return found
        assert time.monotonic() < until, f"not within 20 seconds; last: {found!r}"
        time.sleep(0.1)


def complaints(browser: Any) -> list[str]:
    """What the page's console has said since the last look."""
    return [entry["message"] for entry in browser.get_log("browser")]

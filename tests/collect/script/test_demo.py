"""`make demo-live` itself: clicks move the probability, and become training data."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.dataset as ds
import pytest
from browser import browser, complaints, eventually  # noqa: F401

from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "examples/live/demo.py"
EVENTS = 30_000
"""Less than the demo learns from, which is enough to tell a cart from a home page."""

WAITING = "return Object.keys(localStorage).filter(n => n[4] === 'e').length"
CLICKS = (
    "nav a[href^='/category']",
    ".card:nth-child(2)",
    ".product button",
    "main a[href='/checkout']",
)


@dataclass(frozen=True)
class Demo:
    """The running demo."""

    folder: Path
    process: subprocess.Popen[str]
    shop: str

    def end(self) -> str:
        """What it says when it is interrupted."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return said

    @property
    def zap(self) -> str:
        log = (self.folder / "server.log").read_text()
        found = re.search(r"ready at (http://[^;\s]+)", log)
        assert found is not None
        return found[1]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    ports = ("--port", "0", "--site-port", "0", "--events", str(EVENTS))
    process = subprocess.Popen(
        [sys.executable, "-u", DEMO, "--folder", tmp_path, *ports],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"The shop: (\S+)", line):
            yield Demo(tmp_path, process, found[1])
            break
    process.send_signal(signal.SIGINT)  # it ends its own servers, which a kill leaves
    try:
        process.wait(60)
    finally:
        process.kill()


@pytest.fixture
def person(browser: Any) -> Any:  # noqa: F811
    """A browser that does not say that nobody sits before it: that would be a bot."""
    agent = browser.execute_script("return navigator.userAgent")
    override = {"userAgent": agent.replace("Headless", "")}
    browser.execute_cdp_cmd("Network.setUserAgentOverride", override)
    return browser


def test_a_click_moves_the_probability_and_becomes_training_data(
    demo: Demo, person: Any
) -> None:
    person.get(demo.shop)
    told = [told_after(person, 1)]
    for number, click in enumerate(CLICKS, start=2):
        person.find_element("css selector", click).click()
        told.append(told_after(person, number))
    assert len(set(told)) == len(told), "each page moves it"
    assert told[3] > max(told[:3]), "a cart is worth more than a look"

    visitor = person.execute_script("return JSON.parse(localStorage['zap.visitor'])")
    assert told[-1] == asked(demo, visitor["anonymous_id"])
    person.find_element("css selector", "main button").click()
    # Once all is answered for: what a page sends as it goes has Chromium's own agent.
    eventually(lambda: person.execute_script(WAITING), (0).__eq__)
    person.get("about:blank")
    assert complaints(person) == []

    said = demo.end()
    rows = ds.dataset(demo.folder / "archive", format="parquet", partitioning="hive")
    kept = rows.to_table().sort_by("sequence").to_pylist()
    mine = [row for row in kept if row["anonymous_id"] == visitor["anonymous_id"]]
    assert len({row["event_id"] for row in mine}) == len(mine)
    views = [row["url"] for row in mine if row["type"] == "page_view"]
    paths = ["/", "/category?id=c01", "/product?id=p002", "/cart", "/checkout"]
    assert views == [demo.shop + path for path in (*paths, "/checkout/complete")]
    others = {row["type"] for row in mine} - {"page_view"}
    assert others == {"add_to_cart", "purchase", "time_on_page"}
    (sold,) = (row for row in mine if row["type"] == "purchase")
    assert json.loads(sold["data"])["properties"] == {"amount": 12}

    manifest = learned(said)
    (part,) = manifest["parts"]
    assert part["examples"] == len(paths), "one for each page before the purchase"
    assert part["label_sum"] == len(paths)


def told_after(page: Any, views: int) -> float:
    """The probability that the page shows after so many page views."""
    wanted = f"After {views} page view"

    def state() -> str:
        return str(page.find_element("id", "state").text)

    eventually(state, lambda text: text.startswith(wanted))
    shown = page.find_element("id", "probability")
    exact = float(shown.get_attribute("data-probability"))
    assert shown.text == f"{100 * exact:.1f} %"
    return exact


def asked(demo: Demo, visitor: str) -> float:
    """What the API says of a visitor to a server of the site."""
    secret, key = new_key("secret")
    add_key(demo.folder / "keys.json", key)
    path = f"{demo.zap}/v1/predictions/live_shop"
    bearer = {"authorization": f"Bearer {secret}"}

    def ask() -> httpx.Response:
        return httpx.post(path, json={"subject": visitor}, headers=bearer)

    answer = eventually(ask, lambda found: found.status_code == 200)
    return float(answer.json()["probability"])


def learned(said: str) -> Any:
    """The manifest of what the printed command makes of the archive."""
    command = next(line for line in said.splitlines() if line.startswith("PYTHONPATH="))
    variable, program, *arguments = shlex.split(command)
    assert program == "zap"
    done = subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *arguments, "--json"],
        env=os.environ | {"PYTHONPATH": f"{variable.partition('=')[2]}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["manifest"]

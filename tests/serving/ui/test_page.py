"""The console in a real browser: it shows what the server answered, and stays safe."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import complaints, eventually
from console_page import APP, Page
from made_console import APPLICATION, QUESTION, WHY, Server, Site, served


@pytest.fixture
def page(browser: Any, server: Server) -> Page:
    found = Page(browser, server)
    found.open()
    return found


def row_of(answer: dict[str, Any]) -> list[str]:
    """What the page should show of an answer, its time left out."""
    return [
        f"{answer['probability']:.4f}",
        answer["segment"],
        str(answer["events"]),
        answer["version"][:8],
        answer["prediction_id"],
    ]


def shown_rows(page: Page) -> list[list[str]]:
    return [cells[1:] for cells in page.predictions()]


def test_what_was_answered_is_shown_and_a_deploy_without_reloading(
    page: Page, site: Site
) -> None:
    answers = [page.server.predict(example) for example in site.examples[:60]]
    wanted = [row_of(answer) for answer in reversed(answers)]
    page.soon(lambda: shown_rows(page), lambda rows: rows == wanted[:50])
    scores = [answer["probability"] for answer in answers]
    cards = page.text(f"#{APP} .cards")
    assert f"{100 * np.mean(scores):.1f} %\nn = 60; in training" in cards
    assert "base rate in training\n25.6 %\ntest split, n = 316" in cards

    site.registry.deploy(site.second, who="bob", why=WHY)
    eventually(
        lambda: page.text(f"#{APP} .live"),
        lambda said: f"Serves version {site.second}, live since" in said,
    )
    after = page.server.predict(site.examples[0])
    assert after["version"] == site.second
    wanted.insert(0, row_of(after))
    page.soon(lambda: shown_rows(page), lambda rows: rows == wanted[:50])
    known = [row[1:] for row in page.cells(f"#{APP}-deployments")]
    assert known[0] == ["deploy", site.second[:8], "bob", WHY]
    assert known[1] == ["deploy", site.first[:8], "ada", "the first"]
    assert "60 of other versions are left out" in page.text(f"#{APP} figcaption")
    assert page.run("return window.opened") is True
    assert complaints(page.browser) == []


def test_the_bars_are_the_shares_of_the_scores(page: Page, site: Site) -> None:
    """Drawn heights against numpy's histogram in the bins of training."""
    version = site.registry.live()
    for example in site.examples[60:100]:
        page.server.predict(example)
    data = page.server.client.get("/ui/data").json()["applications"][0]
    scores = [row["value"] for row in data["rows"] if row["version"] == version]
    assert len(scores) == data["scores"]["now"]["n"]  # fewer than rows are shown
    bundle = site.registry.open(version or "")
    edges = bundle.json("metrics.json")["distribution"]["edges"]
    shares = np.histogram(scores, edges)[0] / len(scores)
    script = "return [...document.querySelectorAll(arguments[0])].map((b) => +b.%s)"
    bars = f"#{APP} rect.now"
    page.soon(lambda: page.text(f"#{APP} .key.now"), f"now, n = {len(scores)}".__eq__)
    heights = page.run(script % "getAttribute('height')", bars)
    drawn = np.array(heights) / max(heights)
    assert len(heights) == 40
    np.testing.assert_allclose(drawn, shares / shares.max(), atol=0.001)


def test_names_and_questions_are_text(page: Page, site: Site) -> None:
    assert page.text(f"#{APP} .question") == QUESTION
    assert (
        page.run("return document.querySelectorAll('main img, main script').length")
        == 0
    )
    assert page.browser.title == "Zap console"


def test_the_policy_lets_nothing_else_run(page: Page) -> None:
    answer = page.server.client.get("/ui")
    assert "'unsafe" not in answer.headers["content-security-policy"]
    ran = page.run(
        """window.broken = false;
        const script = document.createElement("script");
        script.append("window.broken = true");
        document.head.append(script);
        let typed = false;
        try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); }
        catch (error) { typed = error instanceof TypeError; }
        return [window.broken, typed];"""
    )
    assert ran == [False, True]
    told = page.browser.execute_async_script(
        """const done = arguments[0];
        fetch("https://example.org/")
          .then(() => done("fetched"), () => done("refused"))"""
    )
    assert told == "refused"
    assert len([c for c in complaints(page.browser) if "Content Security" in c]) >= 2


def test_the_analysis_is_asked_for_then_shown(page: Page, site: Site) -> None:
    figure = f"#{APP} figure:nth-child(3)"
    assert f"run zap analyse {APPLICATION}" in page.text(figure)
    curve = [[0.91, 0.875, 40], [0.33, 0.3125, 80], [0.05, 0.0625, 160]]
    numbers = {"n": 280, "base_rate": 0.25, "auc": 0.8123, "ece": 0.0321}
    found = {
        "made_at": "2026-02-03T04:05:06+00:00",
        "matured": {**numbers, "curve": curve},
        "immature": {"n": 12, "expected": 3.5, "expected_low": 1, "expected_high": 6},
        "alarms": ["ECE is <b>high</b>"],
    }
    site.analysis.parent.mkdir(parents=True, exist_ok=True)
    site.analysis.write_text(json.dumps(found))
    said = page.soon(lambda: page.text(figure), lambda text: "n = 280" in text)
    assert "base rate 25.0 %, ECE 0.0321" in said
    assert "12 wait for their outcome; expected of them: 3.5 (1 to 6)." in said
    assert "2026-02-03 04:05:06 UTC" in said and "ECE is <b>high</b>" in said
    titles = page.run(
        """return [...document.querySelectorAll(arguments[0] + " .point title")]
            .map((title) => title.textContent)""",
        figure,
    )
    assert titles == [
        "predicted 5.0 %, happened 6.3 %, n=160",
        "predicted 33.0 %, happened 31.3 %, n=80",
        "predicted 91.0 %, happened 87.5 %, n=40",
    ]
    assert "0.812" in page.text(f"#{APP} .cards")
    site.analysis.write_text('{"matured": ')
    page.soon(lambda: page.text(figure), lambda text: "can't be read" in text)
    assert complaints(page.browser) == []


def test_an_update_keeps_what_the_reader_has_open(page: Page) -> None:
    assert page.server.client.post("/v1/nothing").status_code == 404
    page.soon(lambda: page.run("return !!document.querySelector('#refused')"))
    page.run("document.querySelector('#refused summary').click()")
    kept = "return window.row === document.querySelector('#refused tr')"
    page.run("window.row = document.querySelector('#refused tr')")
    clock = page.text("#state")
    page.soon(lambda: page.text("#state"), lambda said: said != clock)
    assert page.run(kept) is True
    assert page.run("return document.querySelector('#refused').open") is True
    assert page.cells("#refused")[0] == ["not_found", "1", "1"]


def test_a_phone_scrolls_one_way_and_all_is_named(page: Page) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wide = page.run("return document.documentElement.scrollWidth")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == 360
    nameless = page.run(
        """const named = (id) => document.getElementById(id).textContent;
        return [...document.querySelectorAll("svg")].filter((svg) =>
          svg.getAttribute("role") !== "img"
          || !svg.getAttribute("aria-labelledby").split(" ").every(named)).length"""
    )
    assert nameless == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Page, scheme: str) -> None:
    """WCAG AA: a contrast of 4.5 for all text on the page."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    pairs = page.run(COLOURS)
    assert len(pairs) >= 4
    assert min(contrast(*pair) for pair in pairs) >= 4.5
    assert (luminance(pairs[0][1]) < 0.2) is (scheme == "dark")


COLOURS = """
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (!colour.endsWith(", 0)")) return colour;
  }
};
const number = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number);
const found = new Set();
for (const e of document.querySelectorAll("body, body *")) {
  if (!e.innerText && !(e instanceof SVGTextElement)) continue;
  const style = getComputedStyle(e);
  const ink = e instanceof SVGTextElement ? style.fill : style.color;
  found.add(number(ink) + "|" + number(ground(e)));
}
const numbers = (text) => text.split(",").map(Number);
return [...found].map((pair) => pair.split("|").map(numbers));
"""


def luminance(colour: list[float]) -> float:
    """As WCAG defines it."""
    parts = np.array(colour) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: list[float], b: list[float]) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_live_version_that_is_damaged_is_told(
    browser: Any, site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(site.folder / "models", folder / "models")
    live = site.registry.live() or ""
    model = folder / "models" / APPLICATION / "versions" / live / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    with served(replace(site, folder=folder)) as server:
        page = Page(browser, server)
        page.open()
        told = page.text(f"#{APP}")
        assert "Nothing is served." in told and "model.tflite" in told
        assert f"The registry's live version {live} is not served here." in told
        assert "models: not well" in page.text("#server")
        assert "event store: well\n✓\nanswers" in page.text("#server")
    assert complaints(browser) == []


def test_a_server_that_is_away_is_told_and_its_last_numbers_stay(
    browser: Any, site: Site
) -> None:
    with served(site) as server:
        page = Page(browser, server)
        page.open()
        answer = server.predict(site.examples[0])
        page.soon(lambda: shown_rows(page), [row_of(answer)].__eq__)
        server.stop()
        page.soon(lambda: page.text("#state"), lambda said: "can't be reached" in said)
        assert "What is shown is from" in page.text("#state")
        assert shown_rows(page) == [row_of(answer)]
    complaints(browser)

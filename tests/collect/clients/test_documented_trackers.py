"""Each snippet for Node.js and browsers that points a tracker at a collector works.

Those for Python are run with the documents, since they need nothing but a collector.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from browser import browser  # noqa: F401

from tests.collect.clients.node import run_node
from tests.collect.clients.parts import find_all
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.real_collector import RealCollector, source_of, until
from tests.test_docs import blocks_of

DOCS = Path(__file__).resolve().parents[3] / "docs"
Start = Callable[..., RealCollector]


def snippet(document: str, language: str, collector: RealCollector) -> str:
    """The one block of a document in a language, with a collector's address."""
    blocks = blocks_of((DOCS / document).read_text(encoding="utf-8"))
    (text,) = [block.text for block in blocks if block.language == language]
    pointed, count = re.subn(r"http://localhost:\d+", collector.url, text)
    assert count == 1
    return pointed


def test_node_tracker_of_snowplow(collector_server: Start) -> None:
    sources = {"shop": source_of(["snowplow"], keys=["shop-web"])}
    collector = collector_server(sources=sources)
    program = snippet("collect-snowplow.md", "js", collector)
    run_node(program + '\nconsole.log("{}");', "@snowplow/node-tracker")
    url = "https://shop.example/"
    find_all(
        collector.events(),
        [{"type": "page_view", "anonymous_id": "visitor-1", "url": url}],
    )


def test_client_of_posthog_for_node(collector_server: Start) -> None:
    sources = {"shop": source_of(["posthog"], keys=["a-project-key"])}
    collector = collector_server(sources=sources)
    program = snippet("collect-posthog.md", "js", collector)
    run_node(program + '\nconsole.log("{}");', "posthog-node")
    paid = {"type": "order paid", "user_id": "u1", "properties": {"total": 9.5}}
    find_all(collector.events(), [paid])


def test_browser_tracker_of_snowplow(
    browser: Any,  # noqa: F811
    collector_server: Start,
) -> None:
    sources = {"shop": source_of(["snowplow"], keys=["shop-web"], origins=["*"])}
    collector = collector_server(sources=sources)
    text = snippet("collect-snowplow.md", "html", collector)
    (script,) = re.findall(r"/node_modules/(\S+)\"", text)
    installed(script.rpartition("/dist/")[0])
    page = "<!doctype html>" + text
    with site_of(page, {f"/node_modules/{script}": script}) as site:
        browser.get(f"{site.origin()}/thanks")
        until(lambda: collector.events())
        (event,) = collector.events()
    assert event["type"] == "page_view" and event["url"].endswith("/thanks")
    assert "com.snowplowanalytics.snowplow/client_session" in event["contexts"]

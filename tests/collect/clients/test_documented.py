"""Each snippet of docs/collect-segment.md that points a client at a collector works."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import browser  # noqa: F401

from tests.collect.clients.node import run_node
from tests.collect.clients.shop_site import installed, site_of
from tests.collect.real_collector import (
    RealCollector,
    collector_at,
    source_of,
    until,
)
from tests.test_docs import Block, blocks_of

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "collect-segment.md"
BLOCKS = list(blocks_of(DOCUMENT.read_text()))
COLLECTOR = "http://localhost:8138"


def of(language: str) -> list[Any]:
    """Snippets in a language that name the collector."""
    found = [b for b in BLOCKS if b.language == language and COLLECTOR in b.text]
    return [pytest.param(block, id=f"line {block.line}") for block in found]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCollector]:
    source = source_of(["segment", "rudderstack"], origins=["*"])
    folder = tmp_path_factory.mktemp("collector")
    one = collector_at(folder, (), {"shop": source}).start()
    yield one
    one.stop()


@contextmanager
def posted(collector: RealCollector, *types: str) -> Iterator[None]:
    """See that what is done meanwhile posts events of these types."""
    before = len(collector.events())
    yield
    until(lambda: len(collector.events()) >= before + len(types))
    came = collector.events()[before:]
    assert sorted(event["type"] for event in came) == sorted(types)
    (bought,) = [event for event in came if event["type"] == "Order Completed"]
    assert bought["properties"] == {"total": 9.5}


def test_there_is_a_snippet_for_each_client() -> None:
    assert [len(of(language)) for language in ("python", "js", "html")] == [2, 1, 2]


@pytest.mark.parametrize("block", of("python"))
def test_python(collector: RealCollector, block: Block) -> None:
    program = block.text.replace(COLLECTOR, collector.url)
    identified = ["identify"] if "identify" in program else []
    with posted(collector, "Order Completed", *identified):
        subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("block", of("js"))
def test_node(collector: RealCollector, block: Block) -> None:
    program = block.text.replace(COLLECTOR, collector.url)
    with posted(collector, "Order Completed"):
        run_node(program + '\nconsole.log("{}");', "@segment/analytics-node")


@pytest.mark.parametrize("block", of("html"))
def test_browser(
    browser: Any,  # noqa: F811
    collector: RealCollector,
    block: Block,
) -> None:
    (script,) = re.findall(r"/node_modules/(\S+)\"", block.text)
    installed(script.rpartition("/dist/")[0])
    page = "<!doctype html>" + block.text.replace(COLLECTOR, collector.url)
    with (
        site_of(page, {f"/node_modules/{script}": script}) as site,
        posted(collector, "page_view", "Order Completed"),
    ):
        browser.get(f"{site.origin()}/thanks")

"""``zap collect`` brings what it acknowledges to all sinks, through its child."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from made_delivery import Site
from made_sinks import until

from tests.collect.real_collector import KEY, RealCollector
from zap.collect.delivery.report import now_us, read_report
from zap.collect.spool import Positions


def post(server: RealCollector, first: int, count: int) -> None:
    """Post calls as Segment's clients do."""
    calls = [
        {
            "type": "track",
            "event": "view",
            "messageId": f"m{number}",
            "anonymousId": f"v{number % 3}",
            "properties": {"page": "p", "amount": number},
        }
        for number in range(first, first + count)
    ]
    said = httpx.post(f"{server.url}/v1/batch", json={"batch": calls}, auth=(KEY, ""))
    assert said.status_code == 200, said.text


def archived_ids(archive: Path) -> list[str]:
    paths = [p for p in archive.glob("source=*/day=*/*.parquet")]
    tables = [pq.ParquetFile(path).read(columns=["event_id"]) for path in paths]
    return sorted(name for table in tables for name in table["event_id"].to_pylist())


def child_of(server: RealCollector) -> int | None:
    """The process that delivers, as its report says."""
    report = read_report(server.spool)
    return report and report["pid"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.fixture
def server(
    tmp_path: Path, collector_server: Callable[..., RealCollector]
) -> tuple[Site, RealCollector]:
    site = Site(tmp_path)
    names: dict[str, Any] = {
        "store": site.store,
        "mapping": str(site.mapping),
        "registry": str(tmp_path / "models"),
    }
    return site, collector_server(["segment"], arguments=(), **names)


def test_events_come_to_all_sinks_and_a_dead_delivery_is_replaced(
    server: tuple[Site, RealCollector],
) -> None:
    site, collector = server
    positions = Positions(collector.spool)
    post(collector, 0, 30)
    until(lambda: positions.get("store") == 30)
    until(lambda: child_of(collector))
    first = child_of(collector)
    assert first is not None and alive(first)
    os.kill(first, signal.SIGKILL)
    post(collector, 30, 30)
    until(lambda: positions.get("store") == 60)
    second = child_of(collector)
    assert second not in (None, first)
    post(collector, 60, 30)
    assert collector.process is not None
    maps = Path(f"/proc/{collector.process.pid}/maps").read_text()
    assert "uvloop" in maps and "arrow" not in maps, "Arrow is the delivery's alone"
    said = collector.stop()  # what was there is delivered before it ends
    assert "the delivery ended with -9; it is started again" in said
    assert positions.get("store") == positions.get("archive") == 90
    assert second is not None and not alive(second)
    archive = Path(collector.settings["archive"])
    assert archived_ids(archive) == sorted(f"m{number}" for number in range(90))
    pasts = site.pasts(now_us())["shop"]
    assert [len(events) for events in pasts[:4]] == [6, 6, 6, 0], "five and one before"


def test_a_delivery_does_not_outlive_a_collector_that_is_killed(
    server: tuple[Site, RealCollector],
) -> None:
    _, collector = server
    post(collector, 0, 10)
    until(lambda: child_of(collector))
    child = child_of(collector)
    assert child is not None
    collector.kill()
    until(lambda: not alive(child))
    assert Positions(collector.spool).get("archive") == 10, "it has ended in order"
    collector.start()
    post(collector, 10, 10)
    until(lambda: Positions(collector.spool).get("archive") == 20)

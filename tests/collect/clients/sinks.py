"""What a collector's sinks hold, once all that was posted is delivered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from made_bundles import deployed, made_bundle

from tests.collect.clients.same import CLOCK_S
from tests.collect.real_collector import ROOT, RealCollector
from zap.encoding.features import Hash
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last
from zap.serving.stores import Need, open_store

MAPPING = """\
format = "archive"

[properties.page]
column = "name"
type = "string"

[properties.total]
column = "properties.total"
type = "float"

[properties.plan]
column = "traits.plan"
type = "string"
"""
TRACKED = "Order Completed"
TYPES = {
    "identify": "identify",
    "track": TRACKED,
    "page": "page_view",
    "screen": "screen_view",
    "group": "group",
    "alias": "alias",
}
SEES = Instance(
    types=[*TYPES.values(), "view"],  # which made models look at
    last=50,
    fields=[Hash("type"), Hash("url.path"), Hash("user_id")],
    metadata=[Last(name, Hash(name)) for name in ("page", "total", "plan")],
    hash_buckets=64,
    metadata_buckets=16,
)


def sinks_in(
    folder: Path,
    sees: Instance = SEES,
    mapping: str = MAPPING,
    subject: str = "anonymous_id",
) -> dict[str, Any]:
    """Settings of a collector with a store, for an application that sees all calls."""
    folder.mkdir()
    bundle = made_bundle(
        folder / "bundle", sees=sees, subject=subject, application="shop"
    )
    deployed(folder / "models", bundle, "shop")
    (folder / "archive.toml").write_text(mapping)
    return {
        "store": f"sqlite:{folder / 'events.db'}",
        "mapping": str(folder / "archive.toml"),
        "registry": str(folder / "models"),
    }


def deliver(collector: RealCollector) -> None:
    """Take all that is spooled to the sinks, as the process beside a collector does."""
    arguments = ["collect", "deliver", "--once", "--config", str(collector.config)]
    done = subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *arguments],
        cwd=collector.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def archived(collector: RealCollector) -> list[dict[str, Any]]:
    """The events of the archive's files, in the form in which they were spooled."""
    folder = Path(collector.settings["archive"])
    events = []
    for path in sorted(folder.rglob("*.parquet")):
        hidden = (".", "_")
        if any(part.startswith(hidden) for part in path.relative_to(folder).parts):
            continue
        for row in pq.ParquetFile(path).read().to_pylist():
            event = {key: value for key, value in row.items() if value is not None}
            event |= json.loads(event.pop("data"))
            del event["sequence"]
            for name in ("timestamp", "received_at"):
                event[name] = _micros(event[name])
            events.append(event)
    return events


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def stored(
    collector: RealCollector,
    subjects: Sequence[str],
    now_us: int,
    need: Need | None = None,
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each subject the events that the store knows, by their ids."""
    store = open_store(collector.settings["store"], 5_000)
    pasts = store.pasts(subjects, need or Need.of(SEES, "anonymous_id"), now_us)
    store.close()
    return {
        subject: {event["event_id"]: event for event in past.events}
        for subject, past in zip(subjects, pasts, strict=True)
    }


def check_stored(
    collector: RealCollector, messages: Iterable[Mapping[str, Any]]
) -> None:
    """See that each message of somebody anonymous is in the store, under that name."""
    by_subject: dict[str, list[Mapping[str, Any]]] = {}
    for message in messages:
        name = "previousId" if message["type"] == "alias" else "anonymousId"
        if message.get(name) and message.get("event") in (None, TRACKED):
            by_subject.setdefault(message[name], []).append(message)
    found = stored(collector, list(by_subject), time.time_ns() // 1000)
    assert by_subject
    for subject, told in by_subject.items():
        assert found[subject].keys() == {message["messageId"] for message in told}
        for message in told:
            check_row(found[subject][message["messageId"]], message)


def check_row(row: Mapping[str, Any], message: Mapping[str, Any]) -> None:
    """What a model may see of an event, against what its client says."""
    kind, context = message["type"], message["context"]
    told = message.get("traits") or context.get("traits") or {}
    url = context.get("page", {}).get("url", "")
    assert row["type"] == (message["event"] if kind == "track" else TYPES[kind])
    assert row["user_id"] == message.get("userId")
    assert row["total"] == (message.get("properties") or {}).get("total")
    assert row["page"] == message.get("name")
    assert row["plan"] == (told.get("plan") if kind == "identify" else None)
    assert row["url.path"] == (urlsplit(url).path or None)
    happened = message.get("originalTimestamp") or message["timestamp"]
    seconds = datetime.fromisoformat(happened).timestamp()
    assert abs(row["timestamp"] / 1e6 - seconds) < CLOCK_S

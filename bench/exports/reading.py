"""What is measured: reading a file as the main job does, and what memory that takes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources

BATCH_ROWS = 262_144
PROPERTIES = {
    "segment.jsonl": ("properties.sku", "properties.total"),
    "snowplow.tsv": ("contexts.com.shop/product.sku", "unstruct.total"),
    "ga4.jsonl": ("params.sku", "params.value"),
    "ga4.parquet": ("params.sku", "params.value"),
}


def mapping_of(name: str) -> EventMapping:
    """The mapping of an export, as short as a user would write it."""
    sku, total = PROPERTIES[name]
    properties = {"sku": sku, "total": {"column": total, "type": "float"}}
    return EventMapping.from_dict(
        {"format": name.partition(".")[0], "properties": properties}
    )


def read(name: str, path: Path) -> int:
    """Read a file as the main job does; the number of events."""
    mapping = mapping_of(name)
    events = 0
    for source in list_sources([str(path)], mapping):
        for batch in read_source(source, mapping, None, BATCH_ROWS, ("event_id",)):
            assert not batch.dead
            events += batch.events.num_rows
    return events


def peak_mb(name: str, path: Path) -> float:
    """What reading a file adds to a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_grown, (name, path))


def _grown(name: str, path: Path) -> float:
    before = _peak_kb()
    read(name, path)
    return (_peak_kb() - before) / 1024


def _peak_kb() -> int:
    """The most memory that this process has had; that of its parent does not count."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

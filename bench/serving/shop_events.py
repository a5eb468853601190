"""What visitors of the simulated shop did, as a site would post it."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

_NAMES = {"id": "event_id", "event": "type"}
_TIMES = ("timestamp", "received_at")
_HOUR_US = 3_600_000_000
_FROM_MS, _UNTIL_MS = 1_736_121_600_000, 1_741_392_000_000  # the simulation's days


def posted(folder: Path, subjects: int) -> dict[str, list[dict[str, Any]]]:
    """The events of the visitors with the most page views, by anonymous id.

    They are moved in time, so that the last one was an hour ago.

    Args:
        folder: of the simulation's events.
        subjects: how many; those with few events follow those with many.
    """
    rows = [
        {_NAMES.get(name, name): value for name, value in row.items()}
        for path in sorted(folder.rglob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    by_subject: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        named = row["type"] is not None and row["anonymous_id"] is not None
        if named and all(_FROM_MS <= (row[t] or 0) < _UNTIL_MS for t in _TIMES):
            by_subject[row["anonymous_id"]].append(row)
    most = sorted(by_subject, key=lambda name: (-len(by_subject[name]), name))
    chosen = {name: by_subject[name] for name in most[:subjects]}
    latest = max(
        max(row[name] for name in _TIMES) for rows in chosen.values() for row in rows
    )
    shift_us = time.time_ns() // 1000 - _HOUR_US - latest * 1000
    for rows in chosen.values():
        for row in rows:
            row.update((name, row[name] * 1000 + shift_us) for name in _TIMES)
    return {
        name: [{k: v for k, v in row.items() if v is not None} for row in rows]
        for name, rows in chosen.items()
    }

"""Canonical events as plain dicts, in the form in which a server is sent them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

TIMES = ("timestamp", "received_at")


def listed(batch: pa.RecordBatch, fields: Collection[str]) -> list[dict[str, Any]]:
    """The events of a batch.

    Args:
        batch: of canonical events.
        fields: columns that are wanted; those that the batch lacks are left out.

    Returns:
        One dict an event, with times in microseconds. Without an event_id it is named
        by its file and row, as in a batch, so that reading a file again gives the same
        events and two rows that say the same stay two.
    """
    names = [name for name in batch.schema.names if name in fields]
    columns = {name: batch.column(name) for name in dict.fromkeys(("source", "row"))}
    columns |= {name: batch.column(name) for name in ("event_id", *TIMES, *names)}
    for name in TIMES:
        columns[name] = columns[name].cast(pa.int64())
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    found = []
    for row in rows:
        event = dict(zip(columns, row, strict=True))
        source, number = event.pop("source"), event.pop("row")
        if not event["event_id"]:
            event["event_id"] = f"{source}:{number}"
        found.append(event)
    return found

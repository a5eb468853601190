"""The same fields by plain loops: what one would write by hand for one site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq


def segment_loop(path: Path) -> int:
    """Calls by orjson, field by field."""
    found = []
    with path.open("rb") as file:
        for line in file:
            call = orjson.loads(line)
            context, own = call["context"], call["properties"]
            found.append(
                (
                    call["messageId"],
                    call["anonymousId"],
                    call["userId"],
                    datetime.fromisoformat(call["timestamp"]),
                    datetime.fromisoformat(call["receivedAt"]),
                    call["event"] if call["type"] == "track" else call["type"],
                    context["page"]["url"],
                    context["page"]["referrer"],
                    context["userAgent"],
                    own["sku"],
                    float(own["total"]),
                )
            )
    return len(found)


def snowplow_loop(path: Path) -> int:
    """Lines cut at their tabs, and orjson for two cells."""
    found = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            cells = line.rstrip("\n").split("\t")
            data = orjson.loads(cells[58])["data"]["data"]
            contexts = orjson.loads(cells[52])["data"]
            skus = [c["data"]["sku"] for c in contexts if "/product/" in c["schema"]]
            found.append(
                (
                    cells[6],
                    cells[15],
                    cells[12],
                    datetime.fromisoformat(cells[124]),
                    datetime.fromisoformat(cells[3]),
                    cells[126] or cells[5],
                    cells[29],
                    cells[31],
                    cells[77],
                    skus[0],
                    float(data["total"]),
                )
            )
    return len(found)


def ga4_fields(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the table, its parameters put into a dict."""
    params = {}
    for pair in row["event_params"]:
        given = (v for v in pair["value"].values() if v is not None)
        params[pair["key"]] = next(given, None)
    return (
        row["user_pseudo_id"],
        row.get("user_id"),
        int(row["event_timestamp"]),
        row["event_name"],
        params.get("page_location"),
        params.get("page_referrer"),
        params.get("sku"),
        float(params["value"]),
    )


def ga4_json_loop(path: Path) -> int:
    """Rows by orjson."""
    with path.open("rb") as file:
        return len([ga4_fields(orjson.loads(line)) for line in file])


def ga4_parquet_loop(path: Path) -> int:
    """Rows of Parquet as Python's, batch by batch."""
    found = []
    for batch in pq.ParquetFile(path).iter_batches(16_384):
        found += [ga4_fields(row) for row in batch.to_pylist()]
    return len(found)


def states_loop(paths: Sequence[Path]) -> int:
    """Two states as dicts by key."""
    old, new = (
        {row["id"]: row for row in pq.read_table(path).to_pylist()} for path in paths
    )
    found: list[tuple[str, Any]] = [("present", row) for row in old.values()]
    for key, row in new.items():
        before = old.get(key)
        if before is None:
            found.append(("created", row))
        elif before != row:
            names = [name for name in row if row[name] != before[name]]
            found.append(("changed", (row, before, ",".join(names))))
    found += [("deleted", row) for key, row in old.items() if key not in new]
    return len(found)


LOOPS: dict[str, Callable[[Path], int]] = {
    "segment.jsonl": segment_loop,
    "snowplow.tsv": snowplow_loop,
    "ga4.jsonl": ga4_json_loop,
    "ga4.parquet": ga4_parquet_loop,
}

"""Events as a table, a file of Parquet, and messages as the Storage API sends them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.exports.samples import AGENT, made_row

MESSAGE_ROWS = 4_096  # about what a message of the service holds of such rows

MAPPING: dict[str, Any] = {
    "fields": {
        "event_id": "id",
        "anonymous_id": "visitor",
        "timestamp": "time",
        "type": "kind",
        "url": "url",
        "user_agent": "agent",
    },
    "properties": {"sku": "sku", "total": {"column": "total", "type": "float"}},
}


def made_table(rows: int) -> pa.Table:
    """Events of a shop."""
    rng = random.Random(0)
    made = [made_row(rng, number) for number in range(rows)]
    kinds = ["purchase" if row["buys"] else "page_view" for row in made]
    times = pa.array([row["time"] for row in made], pa.timestamp("us", "UTC"))
    columns = {n: [row[n] for row in made] for n in ("id", "visitor", "url", "sku")}
    return pa.table(
        {
            **columns,
            "time": times,
            "kind": kinds,
            "agent": [AGENT] * rows,
            "total": [row["total"] for row in made],
        }
    )


def messages_of(table: pa.Table, compression: str | None) -> list[bytes]:
    """The record batches of a table as messages, each as the service frames it."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    found = []
    for batch in table.to_batches(max_chunksize=MESSAGE_ROWS):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_batch(batch)
        messages = pa.ipc.MessageReader.open_stream(sink.getvalue())
        messages.read_next_message()  # the schema
        found.append(messages.read_next_message().serialize().to_pybytes())
    return found


def write_parquet(folder: Path, table: pa.Table) -> Path:
    """The table as a file."""
    path = folder / "events.parquet"
    pq.write_table(table, path)
    return path

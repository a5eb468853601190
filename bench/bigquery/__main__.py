"""``python -m bench.bigquery``: a table's rows to canonical events, beside Parquet's.

The same rows are read from Parquet, and from messages as the Storage API sends them:
decoded alone, put together, and made canonical events. With the emulator, which
tests/servers/bigquery/install installs, they are also read over the wire, where the
emulator is what takes the time. All in turns in one process; the ratio is to Parquet.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.bigquery.samples import MAPPING, made_table, messages_of, write_parquet
from zap.bigquery.streams import decode, gathered
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import column_of, rows_of
from zap.events.projection import Projector
from zap.events.reading import read_source
from zap.events.sources import Source, list_sources

ROUNDS = 5
BATCH_ROWS = 262_144
PLAIN = ("event_id",)
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.bigquery")
    parser.add_argument("--rows", type=int, default=500_000)
    args = parser.parse_args()
    table = made_table(args.rows)
    with tempfile.TemporaryDirectory() as name:
        works = dict(works_on(table, Path(name)))
        with emulated(Path(name), table) as address:
            if address:
                works["emulator: table to events"] = lambda: read(address)
            seconds = timed(works, args.rows)
    reference = seconds["Parquet: file to events"]
    print("| what | rows/s | seconds to Parquet's |\n| --- | --- | --- |")
    for label, taken in seconds.items():
        print(f"| {label} | {args.rows / taken:,.0f} | {taken / reference:.2f} |")


def works_on(table: pa.Table, folder: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """What is timed without a server; each gives the number of rows it saw."""
    path = str(write_parquet(folder, table))
    yield "Parquet: file to events", lambda: read(path)
    yield "Parquet: the same, ties by content", lambda: read(path, ties=True)
    for label, compression in (("lz4", "lz4"), ("not compressed", None)):
        messages = messages_of(table, compression)
        batches = [decode(message, table.schema) for message in messages]
        yield (
            f"messages, {label}: decoded",
            lambda messages=messages: decoded(messages, table.schema),
        )
    yield "messages: put together", lambda: put_together(batches)
    yield "messages: to events", lambda: to_events(batches)


def decoded(messages: list[bytes], schema: pa.Schema) -> int:
    """Messages to batches, and a look at each buffer."""
    return sum(decode(message, schema).num_rows for message in messages)


def put_together(batches: list[pa.RecordBatch]) -> int:
    """Small batches to large ones."""
    return sum(batch.num_rows for batch in gathered(iter(batches), BATCH_ROWS))


def to_events(batches: list[pa.RecordBatch]) -> int:
    """Small batches to canonical events, as a stream's are."""
    source = Source("bench", "0" * 32, 1, "bigquery", table="{}")
    projector = Projector(source, EventMapping.from_dict(MAPPING), None, PLAIN)
    columns, rows = projector.columns(), 0
    for batch in gathered(iter(batches), BATCH_ROWS):
        cells = {name: column_of(batch, name) for name in columns}
        rows += projector.project(rows_of(cells, rows)).events.num_rows
    return rows


def read(path: str, ties: bool = False) -> int:
    """A source to canonical events."""
    mapping: dict[str, Any] = MAPPING | ({"ties": "content"} if ties else {})
    mapped = EventMapping.from_dict(mapping)
    (source,) = list_sources([path], mapped)
    return sum(
        each.events.num_rows
        for each in read_source(source, mapped, None, BATCH_ROWS, PLAIN)
    )


@contextmanager
def emulated(folder: Path, table: pa.Table) -> Iterator[str]:
    """The address of the table in an emulator; empty where none is installed."""
    sys.path.insert(0, str(ROOT / "tests" / "sites"))
    from bigquery_server import HOME, BigQueryServer
    from bigquery_tables import make_table

    if not (HOME / ".installed").exists():
        yield ""
        return
    server = BigQueryServer(folder)
    server.start()
    try:
        os.environ.update(server.environment())
        yield make_table(server, server.new_dataset() + ".events", table)
    finally:
        server.stop()


def timed(works: dict[str, Callable[[], int]], rows: int) -> dict[str, float]:
    """Median seconds of each, run in turns; each must see all rows."""
    seconds: dict[str, list[float]] = {label: [] for label in works}
    for _ in range(ROUNDS):
        for label, work in works.items():
            begin = time.perf_counter()
            seen = work()
            seconds[label].append(time.perf_counter() - begin)
            assert seen == rows, (label, seen)
    return {label: statistics.median(taken) for label, taken in seconds.items()}


if __name__ == "__main__":
    main()

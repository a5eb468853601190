"""``python -m bench.collect.archive``: the archive's sink beside pyarrow alone.

Batches of 10,000 records go to a sink that knows many ids, a tenth of the events come
twice, and files are merged beside it. Beside it, in turns in the same process, the same
records are parsed by orjson and written by pyarrow as one synced file a batch, without
looking for repeats. Then the archive is read back, beside a plain loop with orjson.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from zap.collect.archive.ids import KnownIds
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.runs import run_bytes
from zap.collect.archive.sink import ArchiveSink
from zap.collect.record import encode_event
from zap.collect.spool import Batch
from zap.events.archive_files import current
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources

BATCH = 10_000
DAY = date(2024, 3, 31)
NOW = 1_711_879_200_000_000
MAPPING = {
    "format": "archive",
    "properties": {
        "sku": "properties.sku",
        "total": {"column": "properties.total", "type": "float"},
    },
}


def made_batches(rows: int) -> Iterator[Batch]:
    """Events of a shop, of which a tenth were sent before."""
    rng = random.Random(0)
    for first in range(0, rows, BATCH):
        records = []
        for number in range(first, first + BATCH):
            of = number - rng.randrange(1, 5_000) if rng.random() < 0.1 else number
            records.append(encode_event(_event(max(of, 0))))
        yield Batch(first, records, first + BATCH)


def _event(number: int) -> dict[str, object]:
    buys = number % 5 == 0
    own = {"sku": f"S-{number % 500}", "total": number % 97 / 4} if buys else {}
    page = {"url": "https://shop.example/hats", "title": "Hats", "search": ""}
    library = {"name": "analytics.js", "version": "2.0.0"}
    return {
        "event_id": f"ajs-next-{number:032x}",
        "anonymous_id": f"{number % 20_000:08x}-0000-4000-8000-000000000000",
        "timestamp": NOW + number * 50,
        "received_at": NOW + number * 50 + 1_000,
        "type": "Order Completed" if buys else "page_view",
        "url": f"https://shop.example/hats/{number % 300}",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101",
        "source": "shop",
        "properties": {"path": "/hats", "position": number % 40, **own},
        "context": {"page": page, "library": library, "locale": "de-DE"},
    }


def fill_ids(root: Path, count: int) -> None:
    """Ids of thirty days, as an archive of that age has them."""
    rng = np.random.default_rng(0)
    ids = KnownIds(root / ".zap" / "ids", 30)
    for back in range(30):
        path = ids.path_of(DAY - timedelta(days=back), 0, 1)
        path.parent.mkdir(parents=True)
        upper, lower = rng.integers(0, 2**64, (2, count // 30), np.uint64)
        path.write_bytes(run_bytes(upper, lower))


def write_plainly(folder: Path, batch: Batch) -> None:
    """Parse, and write one synced file."""
    events = [orjson.loads(record[1:]) for record in batch.records]
    names = [name for name in events[0] if name not in ("properties", "context")]
    columns = {name: [event.get(name) for event in events] for name in names}
    columns["data"] = [
        orjson.dumps({n: event[n] for n in ("properties", "context")}).decode()
        for event in events
    ]
    with (folder / f"{batch.first}.parquet").open("wb") as file:
        pq.write_table(pa.table(columns), file, compression="zstd")
        os.fsync(file.fileno())


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processors."""
    clock, own = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - own


def read_back(root: Path) -> int:
    mapping = EventMapping.from_dict(MAPPING)
    sources = list_sources([str(root)], mapping)
    return sum(r.events.num_rows for s in sources for r in read_source(s, mapping))


def read_by_loop(root: Path) -> int:
    found = []
    for path in current(map(str, root.glob("source=*/day=*/*.parquet"))):
        for row in pq.ParquetFile(path).read(use_threads=False).to_pylist():
            own = orjson.loads(row["data"])["properties"]
            row |= {"sku": own.get("sku"), "total": own.get("total")}
            found.append(row)
    return len(found)


def own_mb() -> float:
    """Memory of this process's own; files that are mapped are the system's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.collect.archive")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--ids", type=int, default=10_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        plain, root = Path(name) / "plain", Path(name) / "archive"
        plain.mkdir()
        fill_ids(root, args.ids)
        sink = ArchiveSink(root, ArchiveOptions(tidy_s=2))
        begin_mb, most_mb, sums = own_mb(), 0.0, np.zeros((2, 2))
        for batch in made_batches(args.rows):
            most_mb = max(most_mb, own_mb())
            sums[0] += timed(lambda b=batch: sink.write(b))  # type: ignore[misc]
            sums[1] += timed(lambda b=batch: write_plainly(plain, b))  # type: ignore[misc]
        sink.close()
        print(f"{args.rows:,} rows, {args.ids:,} known ids: {dict(sink.counts())}")
        print("| | rows/s | of CPU time | ratio |\n| --- | --- | --- | --- |")
        for what, (clock, own) in zip(("sink", "pyarrow alone"), sums, strict=True):
            figures = f"{args.rows / clock:,.0f} | {args.rows / own:,.0f}"
            print(f"| {what} | {figures} | {sums[1][1] / own:.2f} |")
        print(f"own memory: {begin_mb:,.0f} MB before, at most {most_mb:,.0f} MB")
        ours, loop = timed(lambda: read_back(root)), timed(lambda: read_by_loop(root))
        count = read_back(root)
        for what, (_, own) in (("read", ours), ("orjson loop", loop)):
            print(f"| {what} | | {count / own:,.0f} | {loop[1] / own:.2f} |")


if __name__ == "__main__":
    main()

"""``python -m bench.collect.load``: events a second, beside a server that only appends.

Both servers are up all the time, pinned to one core, and asked in turns, slice by
slice, by the same closed load; the client has the other core. What each has spooled is
trimmed as sinks that keep up would have it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.collect.events import KEY, bodies
from bench.serving.asking import Asked, ask
from bench.serving.load import Load
from bench.serving.servers import Server, cores, free_port, started
from zap.collect.spool import SpoolReader, trim

SETTINGS = """
spool = "{spool}"
port = {port}
[sources.shop]
protocols = ["segment"]
keys = ["{key}"]
origins = ["https://shop.example"]
"""


@dataclass(frozen=True)
class Row:
    """One batch size.

    Attributes:
        batch: events a request.
        bare, ours: what came of the load on each.
        memory_mb: of ours after each slice.
    """

    batch: int
    bare: Asked
    ours: Asked
    memory_mb: Sequence[float]

    @property
    def ratio(self) -> float:
        """Our requests a second over those of the bare server."""
        return self.ours.throughput / self.bare.throughput


@contextmanager
def both(work: Path, core: int | None) -> Iterator[tuple[Server, Server]]:
    """The bare server and ours."""
    ports = free_port(), free_port()
    bare = [sys.executable, "-m", "bench.collect.bare", "--port", ports[0]]
    config = work / "collect.toml"
    spool = work / "ours"
    config.write_text(SETTINGS.format(spool=spool, port=ports[1], key=KEY))
    ours = [sys.executable, "-m", "zap.cli.main", "collect", "--config", config]
    with ExitStack() as stack:
        commands = {
            "bare": ([*bare, "--spool", work / "bare"], ports[0]),
            "ours": ([*ours, "--no-deliver"], ports[1]),
        }
        servers = [
            stack.enter_context(
                started(name, command, port, core, work / f"{name}.log")
            )
            for name, (command, port) in commands.items()
        ]
        stack.enter_context(taken([work / "bare", work / "ours"]))
        yield servers[0], servers[1]


@contextmanager
def taken(folders: Sequence[Path]) -> Iterator[None]:
    """Trim spools as if their sinks kept up."""
    end = threading.Event()

    def work() -> None:
        while not end.wait(1):
            for folder in folders:
                trim(folder, {"bench": SpoolReader(folder).end}, keep_s=0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def measure(
    servers: tuple[Server, Server], batch: int, args: argparse.Namespace, work: Path
) -> Row:
    """One batch size on both, in turns."""
    core = cores()[1]
    count = max(20, 2_000 // batch)
    load = Load(
        port=0,
        path="/v1/batch",
        bodies=bodies(batch, count),
        connections=args.clients,
        rate=0,
        seconds=args.slice,
        warm_seconds=min(1.0, args.slice),
    )
    together: list[Asked] = []
    memory = []
    for _ in range(max(1, round(args.seconds / args.slice))):
        slices = ask(servers, load, 1, core, work)
        together = (
            slices
            if not together
            else [_joined(*p) for p in zip(together, slices, strict=True)]
        )
        memory.append(servers[1].mb)
    return Row(batch, together[0], together[1], memory)


def _joined(first: Asked, second: Asked) -> Asked:
    first.latencies_ms += second.latencies_ms
    first.throughputs += second.throughputs
    first.cpu_us += second.cpu_us
    first.mb = second.mb
    first.client_share = max(first.client_share, second.client_share)
    for status, count in second.statuses.items():
        first.statuses[status] = first.statuses.get(status, 0) + count
    return first


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.collect.load")
    parser.add_argument("--seconds", type=float, default=300, help="a batch size, each")
    parser.add_argument("--slice", type=float, default=10, help="of a turn, in seconds")
    parser.add_argument("--batches", default="1,10,100")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--work", type=Path, help="a folder on the disk to be measured")
    parser.add_argument("--json", type=Path, help="where the figures go, too")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        work = Path(folder)
        with both(work, cores()[0]) as servers:
            sizes = [int(each) for each in args.batches.split(",")]
            rows = [measure(servers, size, args, work) for size in sizes]
    print(f"load before: {os.getloadavg()[2]:.1f}; clients: {args.clients}\n")
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps([figures(row) for row in rows], indent=1))


def figures(row: Row) -> dict[str, object]:
    """The numbers of a row."""
    found: dict[str, object] = {"batch": row.batch, "ratio": round(row.ratio, 3)}
    for asked in (row.bare, row.ours):
        quantiles = asked.quantiles_ms
        found[asked.server] = {
            "events_a_second": round(asked.throughput * row.batch),
            "p50_ms": round(quantiles[0], 2),
            "p99_ms": round(quantiles[1], 2),
            "cpu_us_a_request": round(float(np.median(asked.cpu_us)), 1),
            "client_share": round(asked.client_share, 2),
            "refused": asked.refused,
        }
    memory = row.memory_mb
    found["memory_mb"] = [
        round(each, 1) for each in (memory[0], max(memory), memory[-1])
    ]
    return found


HEAD = (
    "| batch | server | events/s | ratio | p50 (ms) | p99 (ms) | CPU (us) "
    "| refused | client | MB first, most, last |"
)


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEAD, "| --- " * 10 + "|"]
    for row in rows:
        for asked in (row.bare, row.ours):
            p50, p99, _ = asked.quantiles_ms
            ours = asked is row.ours
            memory = row.memory_mb
            cells = [
                row.batch,
                asked.server,
                f"{asked.throughput * row.batch:,.0f}",
                f"{row.ratio:.2f}" if ours else "",
                f"{p50:.1f}",
                f"{p99:.1f}",
                f"{np.median(asked.cpu_us):.0f}",
                asked.refused,
                f"{asked.client_share:.2f}",
                f"{memory[0]:.0f}, {max(memory):.0f}, {memory[-1]:.0f}" if ours else "",
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

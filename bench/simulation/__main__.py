"""``python -m bench.simulation``: rows a second and memory, as the size grows."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HEADER = (
    "| rows | processes | seconds | rows a second | CPU seconds | largest process (MB) "
    "| on disk (bytes a row) |\n| --- | --- | --- | --- | --- | --- | --- |"
)


def measured(events: int, workers: int, output: Path) -> dict[str, Any]:
    """One run of ``zap simulate`` in a process of its own."""
    argv = ["simulate", "--output", str(output), "--events", str(events), "--json"]
    program = (
        "import resource, sys\n"
        "from zap.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        "who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
        "print(max(resource.getrusage(w).ru_maxrss for w in who))\n"
        "sys.exit(code)"
    )
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, *argv, "--workers", str(workers), "--replace"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said, peak = done.stdout.splitlines()
    rows = json.loads(said)["simulation"]["counts"]["rows"]
    sizes = [path.stat().st_size for path in output.rglob("*.parquet")]
    return {
        "rows": rows,
        "workers": workers,
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "cpu_seconds": after.ru_utime
        + after.ru_stime
        - before.ru_utime
        - before.ru_stime,
        "peak_mb": int(peak) / 1e3,
        "bytes_per_row": sum(sizes) / rows,
    }


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation")
    parser.add_argument(
        "--events", type=int, nargs="+", default=[3_000_000, 10_000_000, 30_000_000]
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--work", type=Path, default=Path("build/simulation"))
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}\n\n{HEADER}")
    for events in args.events:
        for workers in args.workers:
            found = measured(events, workers, args.work)
            print(
                f"| {found['rows']:,} | {workers} | {found['seconds']:.1f} "
                f"| {found['rows_per_second']:,.0f} | {found['cpu_seconds']:.1f} "
                f"| {found['peak_mb']:.0f} | {found['bytes_per_row']:.1f} |",
                flush=True,
            )
            shutil.rmtree(args.work)


if __name__ == "__main__":
    main()

"""``python -m bench.big_subject``: a job with and without one subject of 5 M events.

Each run is ``zap generate`` in a fresh process. The reference is the same input without
the subject; reading and counting its rows is what cannot be saved. "all travel" is the
job with nothing withheld before histories are made.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MAPPING = """
[fields]
anonymous_id = "visitor"
timestamp = "time"
type = "type"
url = "url"

[observed]
from = "2024-01-01"
until = "2024-04-01"
"""
NEVER = 10**9


def write_raw(folder: Path, others: int, heavy: int, files: int) -> None:
    """Parquet files of ten events a visitor; the heavy one's are in all of them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "mapping.toml").write_text(MAPPING)
    for number in range(files):
        own, big = others // files, heavy // files
        # Draws of their own, so that the others are the same with and without it.
        rng, more = (np.random.default_rng([seed, number]) for seed in range(2))
        visitors = np.arange(own) // 10 + number * (own // 10)
        start = np.repeat(rng.integers(0, 80 * 86_400, own // 10 + 1), 10)[:own]
        start += np.tile(np.arange(10) * 60, own // 10 + 1)[:own]
        seconds = np.append(start, more.integers(0, 80 * 86_400, big))
        names = [f"visitor-{visitor:09d}" for visitor in visitors] + ["big"] * big
        buys = np.append(rng.random(own), more.random(big)) < 0.05
        kinds = np.where(buys, "purchase", "page_view")
        pages = np.append(rng.integers(0, 500, own), more.integers(0, 500, big))
        order = more.permutation(own + big)
        first = np.datetime64("2024-01-01", "us")
        table = pa.table(
            {
                "visitor": names,
                "time": pa.array(
                    first + seconds.astype("m8[s]"), pa.timestamp("us", "UTC")
                ),
                "type": kinds.tolist(),
                "url": [f"https://shop.example/{page}" for page in pages],
            }
        ).take(pa.array(order))
        pq.write_table(table, folder / f"events-{number:04d}.parquet")


def measured(raw: Path, output: Path, frequent: int) -> dict:
    """One run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.job", raw, output, str(frequent)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    shutil.rmtree(output)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure the three runs, interleaved, and print the best of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.big_subject")
    parser.add_argument("--others", type=int, default=1_000_000, help="their events")
    parser.add_argument("--heavy", type=int, default=5_000_000)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("build/big_subject"))
    args = parser.parse_args()
    light, full = args.work / "light", args.work / "full"
    write_raw(light, args.others, 0, args.files)
    write_raw(full, args.others, args.heavy, args.files)
    runs = {
        "without the subject": (light, 64),
        "with it": (full, 64),
        "with it, all travel": (full, NEVER),
    }
    found: dict[str, list[dict]] = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, (raw, frequent) in runs.items():
            found[name].append(measured(raw, args.work / "examples", frequent))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| run | seconds | CPU seconds | imports (MB) | peak (MB) | dropped |")
    print("| --- | --- | --- | --- | --- | --- |")
    digests = set()
    for name, each in found.items():
        least = {key: min(run[key] for run in each) for key in each[0]}
        digests.add(least["digest"])
        print(
            f"| {name} | {least['seconds']:.1f} | {least['cpu']:.1f} "
            f"| {least['imports_mb']:.0f} | {least['peak_mb']:.0f} "
            f"| {least['dropped']:,} |"
        )
    assert len(digests) == 1, digests
    print(f"\nOne digest: {digests.pop()}")
    shutil.rmtree(args.work)


if __name__ == "__main__":
    main()

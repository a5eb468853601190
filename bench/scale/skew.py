"""``python -m bench.scale.skew``: subjects after Zipf's law, and a bot of 50 M events.

Each job runs in fresh processes. What must stay flat is the memory of a worker; what
must not change is the number of examples, for a bot is dropped whole.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

from bench.scale.cost.events import Crowd
from bench.scale.cost.runs import Run, measure

FIGURES = Path(__file__).parent / "figures"


def crowds(events: int, bot: int) -> dict[str, Crowd]:
    """The crowds that are compared."""
    subjects = events // 10
    return {
        "all alike": Crowd(events, subjects),
        "Zipf, exponent 1": Crowd(events, subjects, zipf=1.0),
        "Zipf, exponent 1.3": Crowd(events, subjects, zipf=1.3),
        "all alike, and a bot": Crowd(events, subjects, bot=bot),
        "Zipf, exponent 1, and a bot": Crowd(events, subjects, zipf=1.0, bot=bot),
    }


def main() -> None:
    """Measure all crowds and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.skew")
    add = parser.add_argument
    add("--events", type=int, default=10_000_000, help="of all but the bot")
    add("--bot", type=int, default=50_000_000, help="events of the bot")
    add("--workers", type=int, default=2)
    add("--shards", type=int, help="number of shards (default: by size)")
    add("--work", type=Path, default=Path("build/skew"))
    add("--json", type=Path, default=FIGURES / "skew.json")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| subjects | rows | s | CPU s | CPU us a row | MB a worker | dropped |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, crowd in crowds(args.events, args.bot).items():
        run = measure(Run(crowd, shards=args.shards), args.work, args.workers)
        found[name] = run
        rows = crowd.events + crowd.bot
        print(
            f"| {name} | {rows:,} | {run['seconds']:.0f} | {run['cpu_seconds']:.1f} "
            f"| {run['cpu_seconds'] / rows * 1e6:.2f} "
            f"| {run['worker_bytes'] / 1e6:,.0f} | {run['dropped']:,} |",
            flush=True,
        )
    for name, run in found.items():
        without = found.get(name.removesuffix(", and a bot"), run)
        assert run["examples"] == without["examples"], (name, "examples differ")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(found, indent=1) + "\n")
    shutil.rmtree(args.work, ignore_errors=True)


if __name__ == "__main__":
    main()

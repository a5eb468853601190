"""Alarms over many made logs: honest ones, and ones with a fault; prints a table.

The site is that of the tests: outcomes are drawn from the logged scores, so an honest
log is right by its making, and whatever rings there is a false alarm.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sites"))

from made_served import (  # noqa: E402
    APPLICATION,
    ServedSite,
    View,
    made_views,
    rows_of,
)

from zap.jobs.analyse.job import Asked, analyse  # noqa: E402

Rows = list[dict[str, Any]]
Fault = Callable[[Sequence[View], list[float], Rows, int], list[float]]
NAMES = ("offline", "ece", "drift", "input_drift", "overdue", "unmatched")


def honest(views: Sequence[View], p: list[float], rows: Rows, seed: int) -> list[float]:
    return p


def shuffled(
    views: Sequence[View], p: list[float], rows: Rows, seed: int
) -> list[float]:
    return list(np.random.default_rng(seed).permutation(p))


def too_high(
    views: Sequence[View], p: list[float], rows: Rows, seed: int
) -> list[float]:
    return [each**0.5 for each in p]


def a_little_high(
    views: Sequence[View], p: list[float], rows: Rows, seed: int
) -> list[float]:
    return [each**0.8 for each in p]


def in_cents(
    views: Sequence[View], p: list[float], rows: Rows, seed: int
) -> list[float]:
    for row in rows:
        if row["price"] is not None:
            row["price"] *= 100
    return p


FAULTS: dict[str, Fault] = {
    "honest": honest,
    "scores shuffled": shuffled,
    "scores to the power 0.5": too_high,
    "scores to the power 0.8": a_little_high,
    "prices in cents": in_cents,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=200, help="of each kind")
    parser.add_argument("--visitors", type=int, nargs="+", default=[150, 600])
    args = parser.parse_args()
    print("| log | subjects | logs | rings at all | " + " | ".join(NAMES) + " |")
    print("|" + " --- |" * (4 + len(NAMES)))
    with tempfile.TemporaryDirectory() as folder:
        for visitors in args.visitors:
            for name, fault in FAULTS.items():
                logs = args.logs if name == "honest" else max(args.logs // 10, 1)
                counts = rung(Path(folder), visitors, fault, logs)
                shares = (counts[each] for each in ("any", *NAMES))
                cells = " | ".join(f"{100 * share / logs:.1f} %" for share in shares)
                print(f"| {name} | {visitors} | {logs} | {cells} |", flush=True)


def rung(folder: Path, visitors: int, fault: Fault, logs: int) -> Counter[str]:
    """How many of the logs each alarm rang for."""
    counts: Counter[str] = Counter()
    for seed in range(logs):
        # Each has its own training too: its evaluation is a draw like any other.
        with tempfile.TemporaryDirectory(dir=folder) as own:
            site = ServedSite(Path(own), seed=1_000 * visitors + seed)
            views = made_views(visitors, seed)
            rows: Rows = rows_of(views, seed)
            scores = fault(views, [view.probability for view in views], rows, seed)
            told = zip(views, scores, strict=True)
            site.write_log([site.entry(view, float(score)) for view, score in told])
            asked = Asked(APPLICATION, site.log, site.registry)
            alarms = {each["name"] for each in analyse(asked, site.raw(rows))["alarms"]}
        counts.update(alarms)
        counts["any"] += bool(alarms)
    return counts


if __name__ == "__main__":
    main()

"""``python -m bench.scale.cost``: measures jobs, fits the cost model, tells its error.

Runs are kept in a file, and those that are in it are not measured again. The largest
run is held out: the model is fitted on the others and then asked about it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.scale.cost.fit import TARGETS, errors, fitted
from bench.scale.cost.plot import draw
from bench.scale.cost.runs import Run, measure, sized, varied

SIZES = [1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000]
FIGURES = Path(__file__).parents[1] / "figures"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what is missing, fit, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.cost")
    add = parser.add_argument
    add("--sizes", type=int, nargs="*", default=SIZES, help="events of the runs")
    add("--held-out", type=int, default=SIZES[-1], help="events of the run to predict")
    add("--again", action="store_true", help="measure all runs, also those in the file")
    add("--workers", type=int, default=2, help="processes of a job")
    add("--work", type=Path, default=Path("build/cost"), help="folder of events")
    add("--runs", type=Path, default=FIGURES / "cost.json", help="file of the runs")
    add("--plot", type=Path, default=FIGURES / "cost.png", help="picture to be drawn")
    args = parser.parse_args(argv)
    runs = all_runs(args)
    report(runs, args.held_out)
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    draw(runs, args.held_out, args.plot)


def all_runs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The runs of the file, and those that it lacked."""
    known: dict[str, dict[str, Any]] = {}
    if args.runs.exists() and not args.again:
        known = {run["run"]: run for run in json.loads(args.runs.read_text())}
    args.work.mkdir(parents=True, exist_ok=True)
    args.runs.parent.mkdir(parents=True, exist_ok=True)
    wanted: list[Run] = [*varied(), *(sized(events) for events in sorted(args.sizes))]
    for run in wanted:
        if run.name not in known:
            print(f"{run.name} ...", file=sys.stderr, flush=True)
            known[run.name] = measure(run, args.work, args.workers)
            args.runs.write_text(json.dumps([*known.values()], indent=1) + "\n")
    return [*known.values()]


def is_held_out(run: Mapping[str, Any], events: int) -> bool:
    """Whether a run is the one to be predicted."""
    return bool(run["crowd"]["events"] == events)


def report(runs: Sequence[Mapping[str, Any]], held_out: int) -> None:
    """Print what was measured, the coefficients, and how far the model is off."""
    seen = [run for run in runs if not is_held_out(run, held_out)]
    found = fitted(seen)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    for table, coefficients in found.items():
        shown = ", ".join(
            f'"{name}": {value:.3g}' for name, value in coefficients.items()
        )
        print(f"{table} = {{{shown}}}")
    figures = [figure for figure, _, _ in TARGETS.values()]
    print(
        "\n| run | s | CPU s | MB a worker | MB shuffled | model is off by: CPU, "
        "shuffle, output, memory |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for run in runs:
        off = errors(found, run)
        mark = " (held out)" if is_held_out(run, held_out) else ""
        print(
            f"| {run['run']}{mark} | {run['seconds']:.0f} | {run['cpu_seconds']:.1f} "
            f"| {run['worker_bytes'] / 1e6:,.0f} | {run['shuffle_bytes'] / 1e6:,.0f} "
            f"| {', '.join(f'{off[figure]:+.0%}' for figure in figures)} |"
        )


if __name__ == "__main__":
    main()

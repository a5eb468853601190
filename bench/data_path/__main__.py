"""``python -m bench.data_path``: Zap's data path beside three references.

Every run is a fresh process; contestants take turns, and of several runs the best
counts. The start is the same job on about a thousand events.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.data_path import tables
from bench.data_path.compare import compare
from bench.data_path.examples import read_examples
from bench.data_path.inputs import Input, folder_bytes, prepared
from bench.data_path.measure import measured

TINY = 1_000
SCRIPTS = {
    "polars": "bench.data_path.polars_script",
    "duckdb": "bench.data_path.duckdb_script",
    "per_event": "bench.data_path.per_event",
}
QUESTIONS = {  # question and mapping of Zap's rows
    "zap": ("DataPath", "plain"),
    "zap, received_at": ("DataPath", "received"),
    "zap, fitted": ("DataPathFitted", "plain"),
}
CONTESTANTS = (*QUESTIONS, *SCRIPTS)


def command(
    name: str, given: Input, output: Path, zap_args: Sequence[str]
) -> list[str]:
    """The command line of a contestant."""
    begin = [sys.executable, "-m"]
    if name in SCRIPTS:
        paths = [str(given.events), str(output), "--mapping", str(given.plain)]
        return [*begin, SCRIPTS[name], *paths]
    question, mapping = QUESTIONS[name]
    return [
        *begin,
        *("zap.cli.main", "generate"),
        *("--generator", f"bench.data_path.question:{question}"),
        *("--input", str(given.events)),
        *("--mapping", str(getattr(given, mapping))),
        *("--output", str(output), "--no-check"),
        *zap_args,
    ]


def run(
    name: str, given: Input, output: Path, zap_args: Sequence[str]
) -> dict[str, Any]:
    """One run, whose output stays where it is until the next one there."""
    shutil.rmtree(output, ignore_errors=True)
    found = measured(command(name, given, output, zap_args)).to_dict()
    return {**found, "output_bytes": folder_bytes(output)}


def measure_size(
    args: argparse.Namespace, names: Sequence[str], events: int, keep: bool
) -> dict[str, list[dict[str, Any]]]:
    """All runs of one size, by contestant."""
    given = prepared(events, args.work)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for repeat in range(args.repeats):
        for name in names:
            output = _output(args.work, name)
            runs[name].append(run(name, given, output, args.zap_args))
            print(
                f"{given.rows:,} rows, {name}, run {repeat + 1}: "
                f"{runs[name][-1]['seconds']:.2f} s",
                file=sys.stderr,
            )
            if not keep:
                shutil.rmtree(output)
    return runs


def _output(work: Path, name: str) -> Path:
    return work / f"output-{name.replace(', ', '-')}"


def equality(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Zap's examples against each script's, of the outputs that were kept."""
    ours = read_examples(_output(args.work, "zap"))
    return {
        name: compare(ours, read_examples(_output(args.work, name))).to_dict()
        for name in names
        if name in SCRIPTS
    }


def figures_of(args: argparse.Namespace) -> dict[str, Any]:
    """All figures that the options ask for."""
    args.work.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    sizes = sorted(args.events)
    check_at = args.check_at or sizes[0]
    figures: dict[str, Any] = {
        "cores": os.cpu_count(),
        "load_before": load,
        "start": measure_size(args, args.contestants, TINY, keep=False),
        "runs": {name: {} for name in args.contestants},
        "sizes": [],
        "equality": {},
    }
    for events in sizes:
        given = prepared(events, args.work)
        names = [
            name
            for name in args.contestants
            if name != "per_event" or events == sizes[0]
        ]
        found = measure_size(args, names, events, keep=events == check_at)
        for name, runs in found.items():
            figures["runs"][name][events] = runs
        if events == check_at and "zap" in names:
            figures["equality"] = equality(args, names)
        for name in names:
            shutil.rmtree(_output(args.work, name), ignore_errors=True)
        figures["sizes"].append(
            {
                "events": events,
                "rows": given.rows,
                "file_bytes": given.file_bytes,
                "arrow_bytes": given.arrow_bytes,
            }
        )
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, compare, print; exit status 1 if examples differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path")
    add = parser.add_argument
    sizes = [1_000_000, 3_000_000, 10_000_000, 30_000_000]
    add("--events", type=int, nargs="+", default=sizes, help="sizes of the inputs")
    add("--work", type=Path, default=Path("build/data_path"), help="folder of inputs")
    add("--repeats", type=int, default=3, help="runs of each; the best one counts")
    add("--check-at", type=int, help="size whose examples are compared; the smallest")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add(
        "--contestants",
        nargs="+",
        choices=CONTESTANTS,
        default=list(CONTESTANTS),
        help="who takes part; per_event only at the smallest size",
    )
    add(
        "--zap-args",
        type=shlex.split,
        default=[],
        metavar="'ARGS'",
        help="further arguments of zap generate, as one text",
    )
    args = parser.parse_args(argv)
    args.work = args.work.resolve()
    figures = figures_of(args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{figures['cores']} cores, load before {figures['load_before']:.1f}\n")
    for make in (tables.size_table, tables.time_table, tables.memory_table):
        print(make(figures), end="\n\n")
    if figures["equality"]:
        print(tables.equality_table(figures))
    sys.exit(0 if all(it["equal"] for it in figures["equality"].values()) else 1)


if __name__ == "__main__":
    main()

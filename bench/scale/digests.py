"""``python -m bench.scale.digests``: the same examples on every runner.

Five questions are asked on the local runner, Prism and a Flink cluster of two task
managers, with one worker and more, with batches and shards cut otherwise and files in
another order. Digests, counts, splits and encoders must be those of one local worker.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.scale.bucket import bucket
from bench.scale.cases import (
    CASES,
    RUNNERS,
    beam_args,
    cluster_for,
    missing,
    run_case,
    same,
)
from bench.scale.inputs import Shop
from bench.scale.questions import QUESTIONS


def table(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Digests by case and question; a case that differs is marked."""
    lines = [
        f"| runner | {' | '.join(QUESTIONS)} | seconds |",
        "| --- " * (len(QUESTIONS) + 2) + "|",
    ]
    reference = next(iter(found.values()))
    for case, runs in found.items():
        cells = [
            f"{run['digest'][:8]}{'' if same(run, reference[name]) else ' DIFFERS'}"
            for name, run in runs.items()
        ]
        seconds = sum(run["seconds"] for run in runs.values())
        lines.append(f"| {case} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run all cases and print the table; 1 if one of them differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.digests")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--runners", nargs="+", default=RUNNERS, choices=RUNNERS)
    parser.add_argument("--cases", default="", help="only those with this in the name")
    parser.add_argument("--work", type=Path, default=Path("build/scale"))
    args = parser.parse_args(argv)
    cases = tuple(
        case
        for case in CASES
        if case is CASES[0] or (case.runner in args.runners and args.cases in case.name)
    )
    for runner in args.runners:
        if needs := missing(runner):
            print(f"{runner}: {needs}", file=sys.stderr)
            return 2
    shop = Shop(args.work, args.events)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    here, flink = args.work / "out", args.work / "flink"
    with bucket(args.work / "s3") as remote, cluster_for(cases, flink) as cluster:
        for case in cases:
            for name, question in QUESTIONS.items():
                options = beam_args(case, cluster)
                output = f"{remote}/out" if case.remote else here
                run = run_case(case, question, shop, output, options)
                found.setdefault(case.name, {})[name] = run
                print(
                    f"{case.name}, {name}: {run['digest']} ({run['seconds']:.1f} s)",
                    file=sys.stderr,
                    flush=True,
                )
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n{table(found)}")
    reference = found[cases[0].name]
    return int(
        any(
            not same(run, reference[name])
            for runs in found.values()
            for name, run in runs.items()
        )
    )


if __name__ == "__main__":
    sys.exit(main())

"""``python -m bench.scale.throughput``: events a second on each runner, in one run.

The same job on the same files, each time ``zap generate`` in a fresh process, its start
included; Flink's cluster is up before. Runners take turns; of several runs the best
counts. The reference is the local runner with a worker for each core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.data_path.measure import measured
from bench.scale.cases import RUNNERS, Case, beam_args, cluster_for, missing
from bench.scale.inputs import Shop
from bench.scale.questions import QUESTIONS
from zap.beam.workers import cores


def cases() -> tuple[Case, ...]:
    """What is measured; the first is the reference."""
    every = cores()
    return (
        Case(f"local, {every} workers", "local", every),
        Case("local, 1 worker", "local", 1),
        Case("Prism", "prism"),
        Case(f"Flink, {every} slots", "flink", every),
    )


def run(
    case: Case, question: str, shop: Shop, output: Path, args: tuple[str, ...]
) -> dict[str, Any]:
    """One run: its seconds, memory and digest."""
    shutil.rmtree(output, ignore_errors=True)
    generator = QUESTIONS[question]
    command = [sys.executable, "-m", "zap.cli.main", "generate", "--no-check"]
    command += ["--generator", f"{generator.__module__}:{generator.__name__}"]
    command += ["--mapping", shop.mapping_path(str(generator.mapping))]
    command += ["--input", *shop.files, "--output", str(output), *args]
    found = measured(command).to_dict()
    manifest = json.loads((output / "manifest.json").read_text())
    shutil.rmtree(output)
    rows = manifest["counts"]["rows.read"]
    return {**found, "digest": manifest["digest"], "rows": rows, "case": case.name}


def main(argv: list[str] | None = None) -> int:
    """Measure all runners and print the table; 1 if digests differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.throughput")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--question", default="fitted bins", choices=QUESTIONS)
    parser.add_argument("--runners", nargs="+", default=RUNNERS, choices=RUNNERS)
    parser.add_argument("--work", type=Path, default=Path("build/scale"))
    args = parser.parse_args(argv)
    for runner in args.runners:
        if needs := missing(runner):
            print(f"{runner}: {needs}", file=sys.stderr)
            return 2
    chosen = tuple(case for case in cases() if case.runner in ("local", *args.runners))
    shop, load = Shop(args.work, args.events, 16), os.getloadavg()[0]
    runs: dict[str, list[dict[str, Any]]] = {case.name: [] for case in chosen}
    with cluster_for(chosen, args.work / "flink") as cluster:
        for _ in range(args.repeats):
            for case in chosen:
                options = beam_args(case, cluster)
                found = run(case, args.question, shop, args.work / "out", options)
                runs[case.name].append(found)
                print(f"{case.name}: {found['seconds']:.1f} s", file=sys.stderr)
    print(f"{os.cpu_count()} cores, load {load:.1f}; question: {args.question}\n")
    _print_table(runs, chosen[0].name)
    digests = {run["digest"] for each in runs.values() for run in each}
    print(f"\nDigests: {', '.join(sorted(digests))}")
    return int(len(digests) > 1)


def _print_table(runs: dict[str, list[dict[str, Any]]], reference: str) -> None:
    print("| runner | events | seconds | events a second | of the first | peak (MB) |")
    print("| --- | --- | --- | --- | --- | --- |")
    least = min(run["seconds"] for run in runs[reference])
    for name, each in runs.items():
        best = min(each, key=lambda run: run["seconds"])
        speed, share = best["rows"] / best["seconds"], least / best["seconds"]
        print(
            f"| {name} | {best['rows']:,} | {best['seconds']:.1f} | {speed:,.0f} "
            f"| {share:.2f} | {best['peak_bytes'] / 1e6:,.0f} |"
        )
    print("\nPeak: of the command and its children; Flink's own processes are not.")


if __name__ == "__main__":
    sys.exit(main())

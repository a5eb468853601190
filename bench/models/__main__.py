"""``python -m bench.models``: every kind of model on every shipped question.

Each is trained with its defaults on the same instances, stopped, calibrated and judged
alike, on subjects of its own; then asked one by one, and loaded in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generators
from bench.models import questions
from bench.models.compare import compared
from bench.models.loading import loading
from bench.quality.compare import dataset_of
from zap.bundles.kinds import MODEL_KINDS, SEQUENCE_KINDS, TREES
from zap.datasets.store import Dataset
from zap.examples.generator import Generator
from zap.training.config import ModelConfig

HEADER = (
    "| question | kind | AUC | less the trees' (95 %) | AP | log loss "
    "| ECE (null 95 %) | training (s) | ms from events | ms bare |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
LOADING_HEADER = (
    "| kind | import (ms) | load (ms) | first prediction (ms) | memory (MB) "
    "| loaded of the heavy ones |\n| --- | --- | --- | --- | --- | --- |"
)


def _cdnow(args: argparse.Namespace) -> tuple[Generator, Path]:
    path = Path(generators.__path__[0]) / "data" / "cdnow.csv.gz"
    return questions.Cdnow(), path


def _retail(cls: type[Generator]) -> Callable[[Any], tuple[Generator, Path]]:
    return lambda args: (cls(), args.data / "online_retail" / "invoices.csv.gz")


def _log(args: argparse.Namespace) -> tuple[Generator, Path]:
    return questions.LogVisit(), args.data / "access_log" / "access.log.gz"


def _shop(args: argparse.Namespace) -> tuple[Generator, Path]:
    events = args.data / "shop_sessions" / "events.parquet"
    return questions.Shop(), questions.pages_as_types(
        events, args.work / "shop.parquet"
    )


def _simulated(args: argparse.Namespace) -> tuple[Generator, Path]:
    folder = args.work / f"simulated-{args.events}"
    if not (folder / "events").exists():
        program = "import sys; from zap.cli.main import main; sys.exit(main())"
        size = ["--events", str(args.events), "--output", str(folder)]
        command = [sys.executable, "-c", program, "simulate", *size]
        subprocess.run(command, check=True, capture_output=True)
    return questions.Simulated(), folder / "events"


SETS: dict[str, Callable[[Any], tuple[Generator, Path]]] = {
    "cdnow": _cdnow,
    "retail_30": _retail(questions.Retail30),
    "retail_90": _retail(questions.Retail90),
    "log_visit": _log,
    "shop": _shop,
    "simulated": _simulated,
}


def dataset_for(name: str, args: argparse.Namespace) -> Dataset:
    """The examples of a question; made once."""
    generator, path = SETS[name](args)
    size = f"-{args.events}" if name == "simulated" else ""
    return dataset_of(generator, path, args.work / f"{name}{size}" / "examples")


def line(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    difference = "{:+.4f} ({:+.4f} to {:+.4f})".format(*found["auc_less_trees"])
    return (
        f"| {name} | {found['kind']} | {found['auc']:.4f} "
        f"| {'-' if found['kind'] == TREES else difference} "
        f"| {found['average_precision']:.4f} | {found['log_loss']:.4f} "
        f"| {found['ece']:.4f} ({found['ece_null_95']:.4f}) | {found['seconds']:.1f} "
        f"| {found['predict_ms']:.2f} | {found['bare_ms']:.3f} |"
    )


def loading_line(kind: str, found: dict[str, Any]) -> str:
    """A line of the table of loading."""
    return (
        f"| {kind} | {found['import_ms']:.0f} | {found['load_ms']:.0f} "
        f"| {found['first_ms']:.1f} | {found['mb']:.0f} "
        f"| {', '.join(found['loaded']) or 'none'} |"
    )


def verdict(rows: list[dict[str, Any]]) -> str:
    """The best sequence model of a question beside the trees, in words."""
    sequence = [row for row in rows if row["kind"] in SEQUENCE_KINDS]
    best = max(sequence, key=lambda row: row["auc"])
    mean, low, high = best["auc_less_trees"]
    word = "ahead" if low > 0 else "behind" if high < 0 else "level"
    return f"{best['kind']} {word} ({mean:+.4f}, {low:+.4f} to {high:+.4f})"


def main() -> None:
    """Train, compare, load, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.models")
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data"))
    add("--work", type=Path, default=Path("build/models"))
    add("--only", choices=list(SETS), nargs="+", default=list(SETS))
    add("--kinds", choices=MODEL_KINDS, nargs="+", default=list(MODEL_KINDS))
    add("--epochs", type=int, default=ModelConfig().epochs)
    add("--events", type=int, default=200_000, help="of the simulated shop")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    kinds = dict.fromkeys([*args.kinds, TREES])
    configs = {kind: ModelConfig(kind=kind, epochs=args.epochs) for kind in kinds}
    results: dict[str, Any] = {}
    print(HEADER)
    for name in args.only:
        dataset = dataset_for(name, args)
        results[name] = compared(dataset, configs, args.work / name)
        for found in results[name]:
            print(line(name, found), flush=True)
    (args.work / "results.json").write_text(f"{json.dumps(results, indent=2)}\n")
    print()
    for name, rows in results.items():
        if len(rows) > 1:
            print(f"{name}: n={rows[0]['n']:,}, {verdict(rows)}")
    print(f"\n{LOADING_HEADER}")
    for row in next(iter(results.values())):
        print(loading_line(row["kind"], loading(Path(row["bundle"]))))


if __name__ == "__main__":
    main()

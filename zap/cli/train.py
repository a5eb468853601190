"""``zap train``: a dataset to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--examples", required=True, metavar="DIR", help="a dataset of zap generate"
    )
    parser.add_argument(
        "--output", required=True, metavar="BUNDLE", help="bundle directory to be made"
    )
    parser.add_argument("--config", metavar="FILE", help="settings of the model, JSON")
    parser.add_argument(
        "--work-dir",
        metavar="DIR",
        help="where the state after each epoch is kept, so that a stopped run resumes",
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace a bundle that is there"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train and print the metrics on the test split."""
    from zap.cli.progress import print_table, progress
    from zap.datasets.store import Dataset
    from zap.evaluation.headline import summary_table

    dataset = Dataset.open(args.examples)
    with progress() as line:
        line.stage("train")
        from zap.jobs.train import train_bundle
        from zap.training.settings import read_config

        bundle = train_bundle(
            dataset,
            args.output,
            read_config(args.config),
            work_dir=Path(args.work_dir) if args.work_dir else None,
            progress=line.epoch,
            replace=args.replace,
        )
    metrics = bundle.json("metrics.json")
    if not args.json:
        print_table(bundle.info["generator"]["question"], summary_table(metrics))
        print(f"Bundle: {bundle.path}")
    return {"bundle": str(bundle.path), "metrics": metrics}


COMMAND = Command(
    "train",
    "examples to a calibrated model",
    "Train a model on a dataset, freeze it, calibrate it on one half of the "
    "validation\nsubjects, judge it on the test split, and write a bundle.",
    "zap train --examples examples --output bundle",
    configure,
    run,
)

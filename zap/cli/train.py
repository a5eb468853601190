"""``zap train``: a dataset to a bundle, each on a disk or in a bucket."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command
from zap.cli.vertex import LOG_DIR, OUTPUT, WORK_DIR, add_place


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--examples",
        required=True,
        metavar="DIR",
        help="a dataset of zap generate; a folder, or a URL such as gs://bucket/path",
    )
    add_place(
        parser,
        "--output",
        OUTPUT,
        required=True,
        metavar="BUNDLE",
        help="folder or URL of the bundle to be made",
    )
    parser.add_argument(
        "--config", metavar="FILE", help="settings of the model, JSON; a file or a URL"
    )
    add_place(
        parser,
        "--work-dir",
        WORK_DIR,
        metavar="DIR",
        help="folder or URL for the state after each epoch, so that a stopped run "
        "resumes, also on another machine",
    )
    add_place(
        parser,
        "--log-dir",
        LOG_DIR,
        metavar="DIR",
        help="folder or URL for the losses of each epoch, as TensorBoard reads them",
    )
    parser.add_argument(
        "--registry", metavar="DIR", help="also add the bundle to this registry"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace a bundle that is there"
    )
    parser.add_argument(
        "--progress",
        choices=("line", "lines"),
        default="line",
        help="one line that changes, on a terminal (default), or a line for each epoch "
        "on stderr, for logs",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train and print the metrics on the test split."""
    from zap.cli.progress import print_table, progress
    from zap.datasets.store import Dataset
    from zap.evaluation.headline import summary_table

    dataset = Dataset.open(args.examples)
    with progress(lines=args.progress == "lines") as line:
        line.stage("train")
        bundle = _trained(args, dataset, line)
    added = _added(args, bundle)
    metrics = bundle.json("metrics.json")
    device = bundle.info["device"]
    if not args.json:
        print_table(bundle.info["generator"]["question"], summary_table(metrics))
        print(f"Bundle: {bundle.path}")
        if added:
            print(f"Version: {added} in {args.registry}")
    found = {"bundle": str(bundle.path), "device": device, "metrics": metrics}
    return {**found, **({"version": added} if added else {})}


def _trained(args: argparse.Namespace, dataset: Any, line: Any) -> Any:
    from zap.bundles.files import check_place, files_at
    from zap.bundles.writing import check_free
    from zap.training.settings import read_config

    # Before the seconds that TensorFlow takes to import.
    config = read_config(args.config)
    check_free(files_at(args.output), args.replace)
    for where in (args.output, args.work_dir, args.log_dir):
        if where:
            check_place(where)
    from zap.jobs.train import train_bundle
    from zap.training.event_log import EventLog

    line.device(_device(config.kind))
    log = EventLog(args.log_dir) if args.log_dir else None

    def epoch(done: Any) -> None:
        line.epoch(done)
        if log:
            log.epoch(done)

    return train_bundle(
        dataset,
        args.output,
        config,
        work_dir=args.work_dir,
        progress=epoch,
        replace=args.replace,
    )


def _device(kind: str) -> str:
    """What will train, in words; to know it for sequences takes TensorFlow."""
    from zap.training.fit import device_of

    return device_of(kind).said


def _added(args: argparse.Namespace, bundle: Any) -> str | None:
    """The version under which the registry has the bundle, if that was asked for."""
    if not args.registry:
        return None
    from zap.bundles.registry import Registry

    return Registry(args.registry, bundle.info["application"]).add(
        bundle, why="trained by zap train"
    )


COMMAND = Command(
    "train",
    "examples to a calibrated model",
    "Train a model on a dataset, freeze it, calibrate it on one half of the "
    "validation\nsubjects, judge it on the test split, and write a bundle. Every place "
    "is a folder or a\nURL of a store that fsspec knows (docs/training-elsewhere.md).",
    "zap train --examples examples --output bundle",
    configure,
    run,
)

"""``python -m bench.training``: the first layer, the trainer, its disk and its reading.

Contenders take turns, and of all rounds the best counts. The exit status is 1 where
forms that should be one function give different results, and never depends on a time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.training import (
    buckets,
    first_layer,
    forms,
    inputs,
    recurrences,
    storage,
    tables,
)
from bench.training.inputs import Input
from zap.training.backend import tf
from zap.training.config import ModelConfig


def show_first_layer(args: argparse.Namespace) -> bool:
    """Print the first layer's table; whether all forms agree."""
    found = first_layer.figures(args.rows, args.units, 4 * args.rounds)
    print("First layer, forward and backward (milliseconds)\n")
    print(tables.first_layer_table(found), end="\n\n")
    return all(figure.equal for figure in found)


def show_recurrence(args: argparse.Namespace, config: ModelConfig) -> None:
    """Print what the recurrence costs."""
    found = {
        steps: recurrences.figures(config.batch, steps, config.units, args.rounds)
        for steps in args.recurrence
    }
    print(f"Recurrence, forward and backward, {config.batch} rows\n")
    print(tables.recurrence_table(found), end="\n\n")


def show_forms(
    args: argparse.Namespace, given: Sequence[Input], config: ModelConfig, folder: Path
) -> bool:
    """Print Zap's trainer beside the expanded form; whether both agree."""
    differences = {
        (each.name, beside): forms.difference(each, config, multi_hot)
        for each in given
        for beside, multi_hot in (("multi-hot", True), ("looked-up rows", False))
    }
    print("One batch: difference from the expanded form, relative to the largest\n")
    print(tables.equality_table(differences), end="\n\n")
    speeds = {
        each.name: forms.speeds(each, config, args.rounds, args.steps) for each in given
    }
    print(f"Training; batches of {config.batch} windows, or as many cutoffs\n")
    print(tables.speed_table(speeds), end="\n\n")
    orders = {each.name: buckets.figures(each, config, args.rounds) for each in given}
    print("Windows of like length in a batch: gradients of an epoch\n")
    print(tables.bucket_table(orders), end="\n\n")
    print("Disk\n")
    found = {each.name: storage.disk(each, folder) for each in given}
    print(tables.disk_table(found), end="\n\n")
    costs = {
        each.name: (
            each.visits.cutoffs,
            storage.reading(each, config, args.rounds),
            speeds[each.name]["Zap"],
        )
        for each in given
    }
    print("Reading\n")
    print(tables.reading_table(costs))
    return all(each.equal for each in differences.values())


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, compare, print; exit status 1 if results differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.training")
    add = parser.add_argument
    add("--events", type=int, default=100_000, help="of the simulated shop")
    add("--visits", type=int, default=5_000, help="made visits of 10 to 40 events")
    add("--rounds", type=int, default=5, help="turns of each; the best one counts")
    add("--steps", type=int, default=4, help="of each expanded form in a turn")
    add("--rows", type=int, nargs="+", default=[1_000, 4_000], help="first layer")
    add("--units", type=int, nargs="+", default=[32, 128], help="first layer")
    add("--recurrence", type=int, nargs="+", default=[10, 40], help="its steps")
    args = parser.parse_args(argv)
    # It warns of functions that are traced one after the other, as is meant here.
    tf.get_logger().setLevel("ERROR")
    config = ModelConfig()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = [inputs.long(args.visits, folder), inputs.shop(args.events, folder)]
        for each in given:
            print(
                f"{each.name}: {each.visits.cutoffs:,} examples of "
                f"{len(each.visits):,} visits, {forms.cutoffs_a_batch(each, config):,} "
                "in a batch"
            )
        print()
        equal = show_first_layer(args)
        show_recurrence(args, config)
        equal &= show_forms(args, given, config, folder)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()

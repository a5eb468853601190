"""``python -m bench.tuning``: tuned settings beside the defaults, on the test split."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality.compare import dataset_of
from bench.quality.questions import ShopPurchase
from zap.bundles.target import Target
from zap.datasets.store import Dataset
from zap.evaluation.bootstrap import paired_auc_difference, paired_mean_difference
from zap.evaluation.metrics import auc, log_loss
from zap.evaluation.plots import to_png
from zap.evaluation.search_plots import search_figure
from zap.jobs.train import train_bundle
from zap.jobs.tune import TuneResult, tune
from zap.serving.scorer import Scorer
from zap.training.config import ModelConfig
from zap.training.objective import row_losses

HEADER = (
    "| settings | AUC | less the defaults' (95 %) | log loss "
    "| less the defaults' (95 %) |\n| --- | --- | --- | --- | --- |"
)
Array = NDArray[np.float64]


def searched(dataset: Dataset, args: argparse.Namespace) -> TuneResult:
    """The search; it goes on where an earlier one ended."""
    result = tune(
        dataset,
        args.work / "config.json",
        args.work / "search.db",
        trials=args.trials,
        workers=args.workers,
        base=ModelConfig(epochs=args.epochs),
        seed=args.seed,
        take_best=True,
    )
    records = result.to_dict()["records"]
    figure = search_figure(records, result.importances)
    (args.work / "search.png").write_bytes(to_png(figure))
    return result


def predictions(dataset: Dataset, name: str, config: ModelConfig, work: Path) -> Array:
    """What a bundle of these settings says of the test split."""
    bundle = train_bundle(dataset, work / f"bundle-{name}", config, replace=True)
    return Scorer.from_bundle(bundle).probabilities(dataset.read("test"))


def compared(dataset: Dataset, models: dict[str, Array]) -> list[dict[str, Any]]:
    """Each model beside the first, on the same rows; intervals by subject."""
    test = dataset.read("test")
    y, subjects = test.label, test.subjects_of_cutoffs()
    first = next(iter(models.values()))
    losses = row_losses(Target(), y, first)
    return [
        {
            "settings": name,
            "auc": auc(y, p),
            "auc_difference": paired_auc_difference(y, p, first, subjects),
            "log_loss": log_loss(y, p),
            "log_loss_difference": paired_mean_difference(
                row_losses(Target(), y, p), losses, subjects
            ),
        }
        for name, p in models.items()
    ]


def line(found: dict[str, Any]) -> str:
    """A line of the table."""
    auc_change, loss_change = (
        "{:+.4f} ({:+.4f} to {:+.4f})".format(*found[key])
        for key in ("auc_difference", "log_loss_difference")
    )
    return (
        f"| {found['settings']} | {found['auc']:.4f} | {auc_change} "
        f"| {found['log_loss']:.4f} | {loss_change} |"
    )


def main() -> None:
    """Search, train both settings with some seeds, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.tuning")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/tuning"))
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=ModelConfig().epochs)
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument(
        "--seeds", type=int, default=1, help="models of each settings, by their seeds"
    )
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    events = args.data / "shop_sessions" / "events.parquet"
    dataset = dataset_of(ShopPurchase(), events, args.work / "examples")
    begun = time.monotonic()
    result = searched(dataset, args)
    seconds = time.monotonic() - begun
    models = {}
    base = ModelConfig(epochs=args.epochs)
    for seed in range(args.seeds):
        for name, config in (("defaults", base), ("tuned", result.config)):
            model = f"{name}, seed {seed}" if args.seeds > 1 else name
            settings = replace(config, seed=seed)
            models[model] = predictions(dataset, f"{name}-{seed}", settings, args.work)
    rows = compared(dataset, models)
    found = {**result.to_dict(), "seconds": seconds, "test": rows}
    (args.work / "results.json").write_text(f"{json.dumps(found, indent=2)}\n")
    test = dataset.read("test")
    print(
        f"{found['counts']} in {seconds:.0f} s; the test split has {test.cutoffs:,} "
        f"rows of {len(np.unique(test.subject_hash)):,} visitors.\n\n{HEADER}"
    )
    print("\n".join(map(line, rows)))
    print(f"\nOn the rows that the search chose by: {json.dumps(found['gain'])}")
    print(f"Settings: {json.dumps(found['best']['settings'])}")
    print(f"Importances: {json.dumps(found['importances'])}")


if __name__ == "__main__":
    main()

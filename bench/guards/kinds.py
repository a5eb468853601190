"""``python -m bench.guards.kinds``: amounts and classes beside boosting, as a table.

The two CDNOW questions that ship are run as ``zap run`` runs them. Gradient boosting
learns from the same training customers, on features made by hand (recency, frequency,
money), and is stopped where the validation customers say so. Both are judged on the
same test customers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from bench.quality import features, raw
from bench.quality.compare import matrix, rows_of
from zap.bundles.bundle import Bundle
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.evaluation import amount_metrics, class_metrics
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.jobs.inputs import raw_input
from zap.jobs.run import run
from zap.serving.scorer import Scorer

Array = NDArray[np.float64]
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 300,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


def worked(name: str, work: Path) -> tuple[Bundle, Dataset]:
    """The bundle and the dataset of a shipped question; made once."""
    place = work / name
    if not (place / "bundle" / "COMPLETED").exists():
        run(raw_input(name), place, replace=True)
    return Bundle.load(place / "bundle"), Dataset.open(place / "dataset")


def parts_of(dataset: Dataset, histories: raw.Histories) -> dict[str, Any]:
    """Features and visits of each split."""
    found = {}
    for split in ("train", "validation", "test"):
        visits = dataset.read(split)
        rows = rows_of(visits, histories, by_count=False)
        found[split] = (matrix(rows, visits, features.orders), visits)
    return found


def boosted(
    model: Any,
    parts: dict[str, Any],
    staged: Callable[[Any, Array], Any],
    loss: Callable[[Any, Array], float],
) -> Array:
    """What boosting says of the test rows at its best number of trees."""
    (x, train), (stop, validation), (test, _) = (
        parts[name] for name in ("train", "validation", "test")
    )
    model.fit(x, train.label)
    losses = [loss(validation.label, p) for p in staged(model, stop)]
    best = int(np.argmin(losses))
    return np.asarray(list(staged(model, test))[best], float)


def spend(work: Path, histories: raw.Histories) -> list[str]:
    """The lines of the table of amounts."""
    bundle, dataset = worked("cdnow_spend", work)
    parts = parts_of(dataset, histories)
    test: Visits = parts["test"][1]
    theirs = boosted(
        HistGradientBoostingRegressor(loss="poisson", **SETTINGS),
        parts,
        lambda model, x: model.staged_predict(x),
        lambda y, p: float(amount_metrics.deviances(y, p, "log").mean()),
    )
    ours = Scorer.from_bundle(bundle).predictions(test)
    beside = evaluate_amounts(
        test.label, ours, test.subjects_of_cutoffs(), p_baseline=theirs
    )
    zap, boosting = bundle.json("metrics.json"), beside["baseline"]
    lines = [
        "| cdnow_spend | n | predicted / observed | deviance explained | Gini "
        "| Zap's Gini less this (95 %) | RMSE | value in the top 20 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, of in (
        ("Zap", zap),
        (f"simple baseline: {zap['baseline']['name']}", zap["baseline"]),
        ("boosting, Poisson loss, on RFM", boosting),
    ):
        lines.append(
            f"| {name} | {zap['n']:,} | {of['ratio']:.3f} "
            f"| {of['deviance_explained']:.4f} | {of['gini']:.4f} "
            f"| {_difference(of, 'gini_difference')} "
            f"| {of['rmse']:.2f} | {of['capture_top_20']:.4f} |"
        )
    lines.append("")
    lines.append(
        "Zap's share of explained deviance less that of boosting: "
        f"{_difference(boosting, 'deviance_explained_difference')}."
    )
    return lines


def orders(work: Path, histories: raw.Histories) -> list[str]:
    """The lines of the table of classes."""
    bundle, dataset = worked("cdnow_orders", work)
    parts = parts_of(dataset, histories)
    test: Visits = parts["test"][1]
    theirs = boosted(
        HistGradientBoostingClassifier(**SETTINGS),
        parts,
        lambda model, x: model.staged_predict_proba(x),
        class_metrics.log_loss,
    )
    ours = Scorer.from_bundle(bundle).predictions(test)
    beside = evaluate_classes(
        test.label,
        ours,
        test.subjects_of_cutoffs(),
        dataset.manifest["label"]["classes"],
        p_baseline=theirs,
    )
    zap = bundle.json("metrics.json")
    lines = [
        "| cdnow_orders | n | log loss | mean AUC | Zap's mean AUC less this (95 %) "
        "| right class | ECE of the confidence |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, of in (
        ("Zap", zap),
        ("simple baseline: logistic regressions", zap["baseline"]),
        ("boosting on RFM", beside["baseline"]),
    ):
        lines.append(
            f"| {name} | {zap['n']:,} | {of['log_loss']:.4f} | {of['auc_mean']:.4f} "
            f"| {_difference(of, 'auc_difference')} "
            f"| {of['accuracy']:.4f} | {of['ece']:.4f} |"
        )
    return lines


def _difference(found: dict[str, Any], key: str) -> str:
    if key not in found:
        return "-"
    low, high = found[f"{key}_low"], found[f"{key}_high"]
    return f"{found[key]:+.4f} ({low:+.4f} to {high:+.4f})"


def main() -> None:
    """Run both comparisons and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.guards.kinds")
    parser.add_argument("--work", type=Path, default=Path("build/guards/kinds"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    histories = raw.cdnow(Path(raw_input("cdnow_spend").paths[0]))
    print("\n".join([*spend(args.work, histories), "", *orders(args.work, histories)]))


if __name__ == "__main__":
    main()

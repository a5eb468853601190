"""``python -m bench.quality``: the table of ``bench/README.md``, made anew."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import bgnbd, features, questions, raw
from bench.quality.compare import Question, compare, rows_of, trained
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.evaluation.bootstrap import paired_auc_difference
from zap.evaluation.metrics import auc
from zap.serving.scorer import Scorer

HEADER = (
    "| question | model | n | base rate | AUC | Zap's AUC less this (95 %) | AP "
    "| ECE (null 95 %) |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)
MODELS = {
    "zap": "Zap",
    "same_rows": "boosting, same training rows",
    "own_rows": "boosting, rows of this question alone",
    "bgnbd": "BG/NBD",
}
WEEK = 7 * features.DAY


def shop(data: Path, work: Path) -> list[dict[str, Any]]:
    """One model of every page view, asked after 3 pages, after 6, at the end."""
    path = data / "shop_sessions" / "events.parquet"
    histories = raw.shop(path)
    results = []
    for test in (
        questions.ShopPurchaseAfter3,
        questions.ShopPurchaseAfter6,
        questions.ShopPurchaseAtEnd,
    ):
        question = Question(test().name, questions.ShopPurchase, test, path, True)
        bundle = trained(question, work)
        found, _ = compare(question, bundle, histories, features.shop, True, work)
        results.append(found)
    return results


def cdnow(data: Path, work: Path) -> list[dict[str, Any]]:
    """The bundled question, beside boosting and BG/NBD."""
    del data
    path = Path(sys.modules["generators"].__path__[0]) / "data" / "cdnow.csv.gz"
    histories = raw.cdnow(path)
    generator = questions.CdnowRepurchase
    question = Question("cdnow_repurchase", generator, generator, path)
    bundle = trained(question, work)
    found, judged = compare(question, bundle, histories, features.orders, False, work)
    dataset = Dataset.open(work / question.name / "examples")
    theirs = _bgnbd(dataset.read("train"), judged, histories)
    ours = Scorer.from_bundle(bundle).probabilities(judged)
    subjects = judged.subjects_of_cutoffs()
    found["bgnbd"] = {
        "auc": auc(judged.label, theirs),
        "auc_difference": paired_auc_difference(judged.label, ours, theirs, subjects),
    }
    return [found]


def _bgnbd(train: Visits, judged: Visits, histories: raw.Histories) -> Any:
    """What BG/NBD, fitted on the training customers, expects of the test customers."""
    params = bgnbd.fit(*_summary(train, histories))
    return bgnbd.expected(params, *_summary(judged, histories), 39.0)


def _summary(visits: Visits, histories: raw.Histories) -> tuple[Any, Any, Any]:
    """Frequency, recency and age in weeks; purchases of one day are one."""
    rows = []
    instants = (visits.instant_us / 1e6).tolist()
    for past, instant in zip(rows_of(visits, histories, False), instants, strict=True):
        days = sorted({event["ts"] for event in past})
        rows.append((len(days) - 1, days[-1] - days[0], instant - days[0]))
    frequency, recency, age = np.array(rows, float).T
    return frequency, recency / WEEK, age / WEEK


def retail(data: Path, work: Path) -> list[dict[str, Any]]:
    """Monthly snapshots of some customers, asked later of others."""
    path = data / "online_retail" / "invoices.csv.gz"
    histories = raw.retail(path)
    results = []
    for name, train, test in (
        ("retail_30", questions.RetailUpToOctober, questions.RetailInNovember),
        ("retail_90", questions.RetailUpToJune, questions.RetailInSeptember),
    ):
        question = Question(name, train, test, path)
        bundle = trained(question, work)
        found, _ = compare(question, bundle, histories, features.orders, False, work)
        results.append(found)
    return results


SETS = {"shop": shop, "cdnow": cdnow, "retail": retail}


def lines(found: dict[str, Any]) -> list[str]:
    """The lines of one question in the table."""
    rows = []
    for key, model in MODELS.items():
        if key not in found:
            continue
        of = found[key]
        rows.append(
            f"| {found['question']} | {model} | {found['zap']['n']:,} "
            f"| {found['zap']['base_rate']:.4f} | {of['auc']:.4f} "
            f"| {_interval(of.get('auc_difference'))} "
            f"| {_decimal(of.get('average_precision'))} "
            f"| {_decimal(of.get('ece'))} ({_decimal(of.get('ece_null_95'))}) |"
        )
    return rows


def _interval(found: list[float] | None) -> str:
    if found is None:
        return "-"
    mean, low, high = found
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def main() -> None:
    """Run the comparisons and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/quality"))
    parser.add_argument("--only", choices=sorted(SETS), nargs="+", default=list(SETS))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    results = [r for name in args.only for r in SETS[name](args.data, args.work)]
    (args.work / "results.json").write_text(f"{json.dumps(results, indent=2)}\n")
    print(HEADER)
    for found in results:
        print("\n".join(lines(found)))


if __name__ == "__main__":
    main()

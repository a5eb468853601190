"""``python -m bench.guards.paper_rule``: what an anticipating rule does to a model.

Two models of one question on the shop's visits: one trained by the paper's own rule
(cut before the first purchase, else at the visit's end), one on every page view. Each
is judged on rows of its own kind, which is what its report would say, and then where a
server would ask: after every page view of the same held-out visitors.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import questions
from bench.quality.compare import Question, dataset_of, trained
from zap.datasets.visits import Visits
from zap.encoding.encoder import Encoder
from zap.evaluation.curves import calibration_curve
from zap.evaluation.evaluate import evaluate
from zap.examples.generator import Generator
from zap.serving.scorer import Scorer

RULES: dict[str, type[Generator]] = {
    "before the outcome, or at the end": questions.ShopPurchaseAtEnd,
    "every page view": questions.ShopPurchase,
}
POSITIONS = (1, 2, 3, 6, 10)
HEAD = (
    "| trained on | judged on | n | base rate | mean prediction | AUC (95 %) "
    "| ECE (null 95 %) |\n| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Judged:
    """A model's predictions at some rows.

    Attributes:
        trained_on: the rule that cut its training rows.
        judged_on: which rows these are.
        visits: the rows.
        p: its predictions; float64, shape (cutoffs,).
    """

    trained_on: str
    judged_on: str
    visits: Visits
    p: Any

    def metrics(self) -> dict[str, Any]:
        """What ``evaluate`` says, with the mean prediction."""
        subjects = self.visits.subjects_of_cutoffs()
        found = evaluate(self.visits.label, self.p, subjects)
        return {**found, "mean_prediction": float(np.mean(self.p))}

    def at(self, position: int) -> Judged:
        """The rows after so many page views."""
        keep = self.visits.baseline["events"] == position
        name = f"after page view {position}"
        return Judged(
            self.trained_on, name, self.visits.take_cutoffs(keep), self.p[keep]
        )


def judge(rule: str, data: Path, work: Path) -> list[Judged]:
    """One model on rows of its own rule, and on every page view."""
    generator = RULES[rule]
    question = Question(generator().name, generator, generator, data)
    bundle = trained(question, work)
    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    scorer = Scorer.from_bundle(bundle)
    judged = []
    for name, test in (("its own rows", generator), (*list(RULES.items())[1],)):
        place = work / f"{test().name}-for-{generator().name}"
        visits = dataset_of(test(), data, place, encoder).read("test")
        judged.append(Judged(rule, name, visits, scorer.probabilities(visits)))
    return judged


def line(judged: Judged) -> str:
    """One line of the table."""
    found = judged.metrics()
    return (
        f"| {judged.trained_on} | {judged.judged_on} | {found['n']:,} "
        f"| {found['base_rate']:.3f} | {found['mean_prediction']:.3f} "
        f"| {found['auc']:.3f} ({found['auc_low']:.3f} to {found['auc_high']:.3f}) "
        f"| {found['ece']:.3f} ({found['ece_null_95']:.3f}) |"
    )


def draw(models: list[Judged], path: Path) -> None:
    """Calibration curves of both models at every page view."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "--", color="#8A8F98", label="exactly right")
    for judged, colour, marker in zip(
        models, ("#D55E00", "#0072B2"), "so", strict=True
    ):
        subjects = judged.visits.subjects_of_cutoffs()
        curve = calibration_curve(judged.visits.label, judged.p, None, subjects)
        axes.plot(
            [bucket["mean_prediction"] for bucket in curve],
            [bucket["positive_rate"] for bucket in curve],
            color=colour,
            marker=marker,
            markersize=4,
            label=f"trained on: {judged.trained_on}",
        )
    axes.set(
        xlabel="mean prediction",
        ylabel="share that bought",
        title="Asked after every page view of held-out visitors",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Train, judge, print the table, draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.guards.paper_rule")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/guards/paper_rule"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    events = args.data / "shop_sessions" / "events.parquet"
    print(HEAD)
    served = []
    for rule in RULES:
        own, everywhere = judge(rule, events, args.work)
        shown = [own, everywhere, *(everywhere.at(place) for place in POSITIONS)]
        if rule == own.judged_on or own.visits.cutoffs == everywhere.visits.cutoffs:
            shown = shown[1:]
        print("\n".join(line(judged) for judged in shown), flush=True)
        served.append(everywhere)
    draw(served, args.work / "calibration.png")
    results = {judged.trained_on: judged.metrics() for judged in served}
    (args.work / "results.json").write_text(f"{json.dumps(results, indent=2)}\n")


if __name__ == "__main__":
    main()

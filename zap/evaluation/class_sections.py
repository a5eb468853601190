"""The sections of a report that show what an evaluation of classes found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.evaluation import kind_plots, plots
from zap.evaluation.comparison import Measure, beside_baseline
from zap.evaluation.headline import baseline_verdict, calibration_verdict
from zap.evaluation.page import (
    Chart,
    Section,
    before_and_after,
    paragraph,
    side_by_side,
    table,
)
from zap.evaluation.words import DASH, between, decimal, error, percent

Metrics = Mapping[str, Any]


def results(metrics: Metrics) -> list[Section | None]:
    """The sections in order."""
    return [calibration(metrics), ranking(metrics), named(metrics), comparison(metrics)]


def calibration(metrics: Metrics) -> Section:
    """Can predictions be read as probabilities? Section 7 of the paper."""
    good, verdict = calibration_verdict(metrics)
    classes = metrics["classes"]
    drawn = _most_common(classes)
    said = "; ".join(
        f"{one['name']} was given {percent(one['mean_prediction'])} on average and "
        f"happened for {percent(one['base_rate'])}"
        for one in drawn
    )
    chart = plots.chart(
        "calibration",
        kind_plots.class_calibration_figure(drawn),
        f"Calibration curves by class: {said}.",
        "Each point is a bucket of examples with similar probabilities of a class: "
        "across, what the model said; up, how often the class happened, with a 95 % "
        "interval. Points on the dashed line are right."
        + (
            f" Drawn are the {len(drawn)} commonest classes."
            if len(drawn) < len(classes)
            else ""
        ),
    )
    whole = [
        ["Error of the confidence", error(metrics["ece_uncalibrated"]),
         error(metrics["ece"])],
        ["Log loss", decimal(metrics["log_loss_uncalibrated"]),
         decimal(metrics["log_loss"])],
    ]  # fmt: skip
    rows = [
        [
            one["name"],
            percent(one["base_rate"]),
            percent(one["mean_prediction"]),
            f"{error(one['ece'])} ({error(one['ece_null_95'])})",
        ]
        for one in classes
    ]
    body = paragraph(verdict, "verdict" if good else "verdict warn")
    body += side_by_side(
        chart.to_html(),
        before_and_after(whole)
        + "<h3>By class</h3>"
        + table(["Class", "Happened", "Predicted", "ECE (chance)"], rows),
    )
    return Section("calibration", "Are the probabilities right?", body, (chart,))


def _most_common(classes: Sequence[Metrics]) -> list[Metrics]:
    """At most as many classes as a chart has lines, in their own order."""
    ranked = sorted(classes, key=lambda one: -one["n"])[: kind_plots.MOST_LINES]
    return [one for one in classes if one in ranked]


def ranking(metrics: Metrics) -> Section:
    """How well each class is told from the others."""
    classes = metrics["classes"]
    rows = [
        [
            one["name"],
            f"{one['n']:,}",
            between(one, "auc", decimal),
            decimal(one["auc_baseline"]),
        ]
        for one in classes
    ]
    body = paragraph(
        "Each class is held against all others. The AUC is the chance that an example "
        "of the class gets a higher probability of it than an example of another."
    )
    drawable = [one for one in classes if one["auc"] is not None]
    charts: tuple[Chart, ...] = ()
    if drawable:
        said = ", ".join(f"{one['name']} {decimal(one['auc'])}" for one in drawable)
        charts = (
            plots.chart(
                "ranking",
                kind_plots.ranking_figure(drawable),
                f"AUC by class: {said}.",
                "The AUC of each class with its 95 % interval, from 0.5, which is "
                "guessing, to 1, which is perfect.",
            ),
        )
    head = ["Class", "Examples", "AUC", "Baseline"]
    if not metrics.get("baseline"):
        head, rows = head[:-1], [row[:-1] for row in rows]
    drawn = "".join(chart.to_html() for chart in charts)
    body += side_by_side(drawn, table(head, rows))
    return Section("ranking", "Which classes can it tell apart?", body, charts)


def named(metrics: Metrics) -> Section:
    """What the model names, by what happened."""
    names = [one["name"] for one in metrics["classes"]]
    rows = []
    for name, counts in zip(names, metrics["confusion"], strict=True):
        total = sum(counts)
        shares = [f"{n:,} ({percent(n / total)})" if total else DASH for n in counts]
        rows.append([name, *shares])
    body = paragraph(
        "The model names the class with the highest probability. Each row holds the "
        "examples of which this class happened, each column those for which it was "
        "named. Where one class is common, it is named nearly always, and rightly so: "
        "use the probabilities, not the names, to choose whom to act on."
    )
    body += table(["Happened", *(f"Named {name}" for name in names)], rows)
    return Section("confusion", "What does it name?", body)


def comparison(metrics: Metrics) -> Section | None:
    """The model beside the simple baseline, on the same rows."""
    baseline = metrics.get("baseline")
    if not baseline:
        return None
    measures: list[Measure] = [
        ("Mean AUC (higher is better)", "auc_mean", decimal),
        ("Right class (higher is better)", "accuracy", percent),
        ("Log loss (lower is better)", "log_loss", decimal),
        ("Calibration error (lower is better)", "ece", error),
    ]
    verdict = baseline_verdict(baseline, "mean AUC")
    return beside_baseline(metrics, verdict, measures)

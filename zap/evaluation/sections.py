"""The sections of a report that show what an evaluation found.

Each function makes one section, or None where there is nothing to show, so that a
report is a list that others can extend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.evaluation import plots
from zap.evaluation.comparison import Measure, beside_baseline
from zap.evaluation.headline import baseline_verdict, calibration_verdict
from zap.evaluation.page import (
    Chart,
    Section,
    paragraph,
    side_by_side,
    table,
)
from zap.evaluation.words import DASH, decimal, error, percent, plural

Metrics = Mapping[str, Any]

LONGEST_TABLE = 10


def calibration(metrics: Metrics) -> Section:
    """Can predictions be read as probabilities? Section 7 of the paper."""
    curve = metrics["calibration_curve"]
    good, verdict = calibration_verdict(metrics)
    buckets = len(curve["after"])
    least = min(bucket["positives"] for bucket in curve["after"])
    chart = plots.chart(
        "calibration",
        plots.calibration_figure(curve),
        f"Calibration curve with {plural(buckets, 'bucket')}. After calibration the "
        + "; ".join(_said(bucket) for bucket in _few(curve["after"]))
        + ".",
        "Each point is a bucket of examples with similar predictions: across, what "
        "the model said; up, how many turned positive, with a 95 % interval. Points "
        "on the dashed line are right; below it the model promises too much, above "
        f"it too little. The smallest bucket holds {plural(least, 'positive')}.",
    )
    body = paragraph(verdict, "verdict" if good else "verdict warn")
    if least < 100:
        body += paragraph(
            "There are fewer than 100 positives, so the curve is a single, rough point."
        )
    errors = (
        ""
        if curve.get("before") is None
        else table(
            ["", "Before", "After"],
            [
                [
                    "Calibration error (ECE)",
                    error(metrics.get("ece_uncalibrated")),
                    error(metrics["ece"]),
                ],
                [
                    "AUC",
                    decimal(metrics.get("auc_uncalibrated")),
                    decimal(metrics["auc"]),
                ],
            ],
        )
    )
    body += side_by_side(chart.to_html(), errors + _buckets(curve["after"]))
    return Section("calibration", "Are the probabilities right?", body, (chart,))


def _buckets(curve: Sequence[Metrics]) -> str:
    """A table of the curve: all of a short one, some buckets of a long one."""
    count = min(len(curve), LONGEST_TABLE)
    steps = max(count - 1, 1)
    places = [i * (len(curve) - 1) // steps for i in range(count)]
    rows = [
        [
            percent(bucket["mean_prediction"]),
            percent(bucket["positive_rate"]),
            f"{bucket['n']:,}",
        ]
        for bucket in (curve[place] for place in places)
    ]
    title = "Points of the curve" if count == len(curve) else "Some of its points"
    return f"<h3>{title}</h3>" + table(["Predicted", "Positive", "Examples"], rows)


def _said(bucket: Metrics) -> str:
    predicted, happened = bucket["mean_prediction"], bucket["positive_rate"]
    return f"prediction of {percent(predicted)} came true for {percent(happened)}"


def _few(buckets: Sequence[Metrics]) -> list[Metrics]:
    """The first, the middle and the last bucket, without repeats."""
    places = dict.fromkeys([0, len(buckets) // 2, len(buckets) - 1])
    return [buckets[place] for place in places]


def segments(metrics: Metrics) -> Section:
    """Five equal parts by prediction, and the top shares. Section 8 of the paper."""
    parts = metrics["segments"]
    rows = [
        [
            part["name"],
            DASH if part["relative_odds"] is None else f"{part['relative_odds']:.2f}x",
            percent(part["positive_rate"]),
            percent(part["mean_prediction"]),
            percent(part["share_of_positives"]),
            f"{part['n']:,}",
        ]
        for part in parts
    ]
    head = ["Segment", "Odds", "Positive", "Predicted", "Share", "Examples"]
    charts: tuple[Chart, ...] = ()
    body = paragraph(
        "Examples are sorted from the highest prediction to the lowest and cut into "
        "five equal parts. The relative odds say how many times likelier than the "
        f"average ({percent(metrics['base_rate'])}) a positive is in each part; the "
        "share is that of all positives."
    )
    if metrics["base_rate"]:
        first = parts[0]
        charts = (_segments_chart(parts),)
        body += paragraph(
            f"The top segment is {first['relative_odds']:.2f} times as likely as the "
            f"average to turn positive and holds {percent(first['share_of_positives'])}"
            f" of all positives; in the top 10 % of predictions "
            f"{percent(metrics['top_decile_rate'])} are positive."
        )
    drawn = "".join(chart.to_html() for chart in charts)
    body += side_by_side(drawn, table(head, rows))
    return Section("segments", "Who is likely?", body, charts)


def _segments_chart(parts: Sequence[Metrics]) -> Chart:
    odds = ", ".join(f"{part['name']} {part['relative_odds']:.2f}" for part in parts)
    return plots.chart(
        "segments",
        plots.segments_figure(parts),
        f"Relative odds by segment: {odds}.",
        "How much likelier than the average a positive is in each fifth. The dashed "
        "line is the average; a model that knows nothing has all bars at it.",
    )


def comparison(metrics: Metrics) -> Section | None:
    """The model beside the simple baseline, on the same rows."""
    baseline = metrics.get("baseline")
    if not baseline:
        return None
    measures: list[Measure] = [
        ("AUC (higher is better)", "auc", decimal),
        ("Average precision (higher is better)", "average_precision", decimal),
        ("Log loss (lower is better)", "log_loss", decimal),
        ("Calibration error (lower is better)", "ece", error),
    ]
    return beside_baseline(metrics, baseline_verdict(baseline), measures)


def distribution(metrics: Metrics) -> Section:
    """How predictions are spread over the examples. Section 8 of the paper."""
    found = metrics["distribution"]
    quantiles = found["quantiles"]
    beyond = (
        f" The last bar also holds the {found['beyond']:,} above "
        f"{percent(found['edges'][-1])}."
    )
    chart = plots.chart(
        "distribution",
        plots.distribution_figure(found),
        "Histogram of predictions: half of them lie between "
        f"{percent(quantiles['25'])} and {percent(quantiles['75'])}, the mean is "
        f"{percent(found['mean'])}.",
        "Which predictions those got that turned positive (line), and those that did "
        "not (area), each as shares of its group. The further apart, the better."
        + (beyond if found["beyond"] else ""),
    )
    ranks = table(
        ["Of the examples", "have a prediction up to"],
        [
            [f"{name} %", percent(quantiles[name])]
            for name in sorted(quantiles, key=float)
        ],
    )
    body = side_by_side(chart.to_html(), ranks)
    return Section("distribution", "How are predictions spread?", body, (chart,))

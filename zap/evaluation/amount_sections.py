"""The sections of a report that show what an evaluation of amounts found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zap.evaluation import kind_plots, plots
from zap.evaluation.amount_words import ranking_verdict, total_verdict
from zap.evaluation.comparison import Measure, beside_baseline
from zap.evaluation.page import (
    Chart,
    Section,
    before_and_after,
    paragraph,
    side_by_side,
    table,
)
from zap.evaluation.words import DASH, amount, between, decimal, percent

Metrics = Mapping[str, Any]


def results(metrics: Metrics) -> list[Section | None]:
    """The sections in order."""
    return [
        calibration(metrics),
        segments(metrics),
        comparison(metrics),
        spread(metrics),
    ]


def calibration(metrics: Metrics) -> Section:
    """Do predicted amounts add up to what came?"""
    good, verdict = total_verdict(metrics)
    after = metrics["calibration_curve"]["after"]
    said = "; ".join(
        f"prediction of {amount(bucket['mean_prediction'])} brought "
        f"{amount(bucket['mean_observed'])}"
        for bucket in (after[0], after[-1])
    )
    chart = plots.chart(
        "calibration",
        kind_plots.amount_calibration_figure(metrics["calibration_curve"]),
        f"Calibration curve with {len(after)} buckets: {said}.",
        "Each point is a tenth of the examples, with similar predictions: across, the "
        "mean prediction; up, the mean amount that came, with a 95 % interval by "
        "resampling subjects. Points on the dashed line are right.",
    )
    totals = before_and_after(
        [
            [
                "Predicted over observed",
                decimal(metrics["ratio_uncalibrated"]),
                decimal(metrics["ratio"]),
            ],
            [
                "Deviance explained",
                percent(metrics["deviance_explained_uncalibrated"]),
                percent(metrics["deviance_explained"]),
            ],
        ],
    )
    rows = [
        [
            amount(bucket["mean_prediction"]),
            amount(bucket["mean_observed"]),
            f"{amount(bucket['observed_low'])} to {amount(bucket['observed_high'])}",
            f"{bucket['n']:,}",
        ]
        for bucket in after
    ]
    body = paragraph(verdict, "verdict" if good else "verdict warn")
    points = table(["Predicted", "Observed", "95 % interval", "Examples"], rows)
    body += side_by_side(
        chart.to_html(), totals + "<h3>Points of the curve</h3>" + points
    )
    return Section("calibration", "Do the amounts add up?", body, (chart,))


def segments(metrics: Metrics) -> Section:
    """Five equal parts by prediction, and the top shares."""
    parts = metrics["segments"]
    rows = [
        [
            part["name"],
            DASH
            if part["relative_value"] is None
            else f"{part['relative_value']:.2f}x",
            amount(part["mean_observed"]),
            amount(part["mean_prediction"]),
            percent(part["share_of_value"]),
            f"{part['n']:,}",
        ]
        for part in parts
    ]
    head = ["Segment", "Value", "Observed", "Predicted", "Share", "Examples"]
    body = paragraph(
        "Examples are sorted from the highest prediction to the lowest and cut into "
        "five equal parts. The relative value says how many times the average "
        f"({amount(metrics['mean_observed'])}) an example of each part is worth; the "
        "share is that of all value."
    )
    charts: tuple[Chart, ...] = ()
    if metrics["capture_top_20"] is not None:
        charts = (_segments_chart(parts),)
        body += paragraph(
            f"The top 10 % bring {percent(metrics['capture_top_10'])} of all value, "
            f"the top 20 % {percent(metrics['capture_top_20'])}."
        )
    drawn = "".join(chart.to_html() for chart in charts)
    body += side_by_side(drawn, table(head, rows))
    return Section("segments", "Who is most valuable?", body, charts)


def _segments_chart(parts: Sequence[Metrics]) -> Chart:
    said = ", ".join(f"{part['name']} {part['relative_value']:.2f}" for part in parts)
    return plots.chart(
        "segments",
        plots.segments_figure(parts, "relative_value", "times the average amount"),
        f"Relative value by segment: {said}.",
        "How many times the average amount an example of each fifth brings. The dashed "
        "line is the average; a model that knows nothing has all bars at it.",
    )


def comparison(metrics: Metrics) -> Section | None:
    """The model beside the simple baseline, on the same rows."""
    baseline = metrics.get("baseline")
    if not baseline:
        return None
    measures: list[Measure] = [
        ("Deviance explained (higher is better)", "deviance_explained", percent),
        ("Gini, normalised (higher is better)", "gini", decimal),
        ("Spearman (higher is better)", "spearman", decimal),
        ("Value in the top 20 % (higher is better)", "capture_top_20", percent),
        ("RMSE (lower is better)", "rmse", amount),
        ("MAE (lower is better)", "mae", amount),
        ("Predicted over observed (1 is right)", "ratio", decimal),
    ]
    section = beside_baseline(metrics, ranking_verdict(baseline), measures)
    note = paragraph(
        "Gini less that of the baseline: "
        f"{between(baseline, 'gini_difference', decimal)}, 95 % interval by "
        "resampling subjects.",
        "note",
    )
    return replace(section, body=section.body + note)


def spread(metrics: Metrics) -> Section:
    """How predictions and amounts are spread over the examples."""
    predicted, observed = (metrics["quantiles"][n] for n in ("predicted", "observed"))
    body = paragraph(
        f"{percent(metrics['share_above_zero'])} of the examples brought more than 0. "
        "Predictions are means, so they are spread less than what came: a single "
        "amount is mostly luck."
    )
    body += table(
        ["Of the examples", "are predicted up to", "brought up to"],
        [
            [f"{name} %", amount(predicted[name]), amount(observed[name])]
            for name in sorted(predicted, key=float)
        ],
    )
    return Section("distribution", "How are amounts spread?", body)

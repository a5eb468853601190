"""The section of an analysis about what moved away from the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation import plots
from zap.evaluation.page import Chart, Section, paragraph, side_by_side, table
from zap.evaluation.served_plots import drift_figure
from zap.evaluation.words import decimal, percent

Analysis = Mapping[str, Any]
SHOWN_INPUTS = 4


def drifts(analysis: Analysis) -> Section | None:
    """Scores and inputs beside those of the training."""
    scores = [
        {**each["drift"], "name": f"scores of version {each['version'][:8]}"}
        for each in analysis["by_version"]
        if each["drift"]
    ]
    found = [*scores, *analysis["inputs"]]
    if not found:
        return None
    rows = [
        [
            each["name"],
            decimal(each["psi"]),
            decimal(each["psi_chance_99"]),
            decimal(each["ks"]),
            f"{each['subjects']:,}",
            f"{each['reference_subjects']:,}",
        ]
        for each in found
    ]
    charts = tuple(
        map(_drift_chart, [*scores[-1:], *analysis["inputs"][:SHOWN_INPUTS]])
    )
    head = ["", "PSI", "by chance", "KS", "Subjects", "in training"]
    body = paragraph(
        "PSI is how far a distribution is from the one in training: 0 is the same, 0.1 "
        "to be watched, 0.25 another world; by chance: what two samples of one "
        "distribution seldom exceed (1 in 100). Scores are held against the test "
        "split, inputs (of one prediction a subject) against the examples that the "
        "model was verified with: the field's value at the last event."
    )
    body += table(head, rows) + side_by_side(*(chart.to_html() for chart in charts))
    return Section("drift", "Are scores and inputs as in training?", body, charts)


def _drift_chart(drift: Analysis) -> Chart:
    name = "".join(c if c.isalnum() else "_" for c in drift["name"])
    told = zip(
        drift["buckets"], drift["shares"], drift["reference_shares"], strict=True
    )
    said = "; ".join(f"{n} {percent(a)} ({percent(b)})" for n, a, b in told)
    return plots.chart(
        f"drift_{name}",
        drift_figure(drift),
        f"Shares of {drift['name']} served (in training): {said}.",
        f"{drift['name'].replace('_', ' ').capitalize()}: PSI {decimal(drift['psi'])}.",
    )

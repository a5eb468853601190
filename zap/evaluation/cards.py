"""The few numbers that open a report, each with what it means beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation.kinds import words_of
from zap.evaluation.page import escape
from zap.evaluation.words import decimal, error, percent, signed

Metrics = Mapping[str, Any]


def cards(metrics: Metrics) -> str:
    """The six numbers that matter most, as HTML."""
    own = words_of(metrics)
    shown = own.cards(metrics) if own else _binary_cards(metrics)
    items = (
        f'<li><span class="name">{escape(name)}</span><b>{escape(number)}</b>'
        f"<span>{escape(note)}</span></li>"
        for name, number, note in shown
    )
    return f'<ul class="cards">{"".join(items)}</ul>'


def _binary_cards(metrics: Metrics) -> list[tuple[str, str, str]]:
    shown = [_auc_card(metrics), *_shape_cards(metrics), _ece_card(metrics)]
    baseline = metrics.get("baseline")
    if baseline and baseline["auc_difference"] is not None:
        shown.append(_baseline_card(baseline))
    return shown


def _auc_card(metrics: Metrics) -> tuple[str, str, str]:
    low, high = decimal(metrics["auc_low"]), decimal(metrics["auc_high"])
    note = f"{low} to {high}; 0.5 is guessing, 1 is perfect"
    if metrics["auc"] is None:
        note = "not defined: all examples have the same outcome"
    return "Ranking (AUC)", decimal(metrics["auc"]), note


def _shape_cards(metrics: Metrics) -> list[tuple[str, str, str]]:
    base, top = metrics["base_rate"], metrics["top_decile_rate"]
    times = f"{top / base:.1f} times the average" if base else "no positives"
    return [
        ("Base rate", percent(base), "of all examples turned positive"),
        ("Top 10 %", percent(top), f"of them turned positive: {times}"),
        (
            "Top 20 %",
            percent(metrics["capture_top_20"]),
            "of all positives are among them",
        ),
    ]


def _ece_card(metrics: Metrics) -> tuple[str, str, str]:
    note = f"by chance up to {error(metrics['ece_null_95'])}; lower is better"
    return "Calibration error", error(metrics["ece"]), note


def _baseline_card(baseline: Metrics) -> tuple[str, str, str]:
    low = signed(baseline["auc_difference_low"])
    high = signed(baseline["auc_difference_high"])
    note = f"{low} to {high}; more AUC than counts and recency give"
    return "Over the baseline", signed(baseline["auc_difference"]), note

"""The findings about classes in sentences, cards and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation.words import (
    INTERVAL,
    between,
    decimal,
    error,
    judged_on,
    percent,
    points,
    signed,
)

Metrics = Mapping[str, Any]


def commonest(metrics: Metrics) -> Metrics:
    """The class that happens most often."""
    found: Metrics = max(metrics["classes"], key=lambda one: one["base_rate"])
    return found


def headline(metrics: Metrics, scope: str) -> str:
    """The evaluation in one sentence."""
    most = commonest(metrics)
    auc = "ranking could not be judged, since all have the same outcome"
    if metrics["auc_mean"] is not None:
        low, high = decimal(metrics["auc_mean_low"]), decimal(metrics["auc_mean_high"])
        auc = (
            "it ranks those of a class above the others with a mean AUC of "
            f"{decimal(metrics['auc_mean'])} (95 % interval {low} to {high})"
        )
    return (
        f"{judged_on(metrics, scope)}, the model names the right one of "
        f"{len(metrics['classes'])} classes for {percent(metrics['accuracy'])} (always "
        f"naming {most['name']!r} would be right for {percent(most['base_rate'])}), "
        f"{auc}, and its confidence is off by {points(metrics['ece'])} percentage "
        f"points on average (ECE {error(metrics['ece'])}), where chance alone would "
        f"show {error(metrics['ece_null_mean'])} and seldom more than "
        f"{error(metrics['ece_null_95'])}."
    )


def cards(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Name, number and note of the numbers that matter most."""
    most = commonest(metrics)
    low, high = decimal(metrics["auc_mean_low"]), decimal(metrics["auc_mean_high"])
    shown = [
        (
            "Ranking (mean AUC)",
            decimal(metrics["auc_mean"]),
            f"{low} to {high}; each class against the others; 0.5 is guessing",
        ),
        (
            "Right class",
            percent(metrics["accuracy"]),
            f"always {most['name']}: {percent(most['base_rate'])}",
        ),
        (
            "Log loss",
            decimal(metrics["log_loss"]),
            "surprise at what happened; lower is better",
        ),
        (
            "Calibration error",
            error(metrics["ece"]),
            f"by chance up to {error(metrics['ece_null_95'])}; lower is better",
        ),
    ]
    shown.append(_rarest_card(metrics))
    baseline = metrics.get("baseline")
    if baseline and baseline["auc_difference"] is not None:
        low = signed(baseline["auc_difference_low"])
        high = signed(baseline["auc_difference_high"])
        note = f"{low} to {high}; more mean AUC than counts and recency give"
        shown.append(("Over the baseline", signed(baseline["auc_difference"]), note))
    return shown


def _rarest_card(metrics: Metrics) -> tuple[str, str, str]:
    rarest = min(metrics["classes"], key=lambda one: one["base_rate"])
    note = f"of all examples are {rarest['name']}, the rarest class"
    return "Rarest class", percent(rarest["base_rate"]), note


def summary_table(metrics: Metrics) -> list[tuple[str, str]]:
    """The findings as rows of two columns, for a terminal."""
    chance = f"chance: {error(metrics['ece_null_mean'])}"
    rows = [
        ("Examples", f"{metrics['n']:,} of {metrics['subjects']:,} subjects"),
        ("Right class", percent(metrics["accuracy"])),
        ("Mean AUC", between(metrics, "auc_mean", decimal)),
        *(
            (
                f"{one['name']}: base rate, AUC",
                f"{percent(one['base_rate'])}, {between(one, 'auc', decimal)}",
            )
            for one in metrics["classes"]
        ),
        ("Log loss", decimal(metrics["log_loss"])),
        (
            "ECE of the confidence",
            f"{error(metrics['ece'])} ({chance}, up to "
            f"{error(metrics['ece_null_95'])})",
        ),
        ("ECE before calibration", error(metrics["ece_uncalibrated"])),
    ]
    baseline = metrics.get("baseline")
    if baseline:
        rows += [
            ("Simple baseline, mean AUC", between(baseline, "auc_mean", decimal)),
            ("Mean AUC less baseline's", between(baseline, "auc_difference", signed)),
            ("Simple baseline, log loss", decimal(baseline["log_loss"])),
        ]
    return rows


TERMS = [
    (
        "Example",
        "One moment at which a prediction would have been made, and what then "
        "happened.",
    ),
    ("Class", "One of the answers to the question; exactly one of them happens."),
    (
        "AUC of a class",
        "The chance that an example of the class gets a higher probability of it than "
        "an example of another class. The mean AUC is that over the classes.",
    ),
    (
        "Confidence",
        "The highest of an example's probabilities: that of the class which the model "
        "names.",
    ),
    (
        "Calibration error (ECE)",
        "How far the confidence is from the share of examples that it named right, on "
        "average over 15 bins of equal width; of a class, how far its probability is "
        "from how often it happened. Even a perfect model shows some by chance; that "
        "is why the null stands beside it.",
    ),
    INTERVAL,
    (
        "Log loss",
        "How surprised the model is by what happened, on average; right and sure is "
        "near 0.",
    ),
]

"""The findings about amounts in sentences, cards and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation.words import (
    DASH,
    INTERVAL,
    amount,
    between,
    decimal,
    judged_on,
    percent,
    signed,
)

Metrics = Mapping[str, Any]


def headline(metrics: Metrics, scope: str) -> str:
    """The evaluation in one sentence."""
    total = "there is no value in all"
    if metrics["ratio"] is not None:
        total = (
            f"the predicted total is {percent(metrics['ratio'])} of the observed one "
            f"(95 % interval {percent(metrics['ratio_low'])} to "
            f"{percent(metrics['ratio_high'])})"
        )
    top = ""
    if metrics["capture_top_20"] is not None:
        top = (
            f", and the fifth that it ranks highest brings "
            f"{percent(metrics['capture_top_20'])} of all value"
        )
    return (
        f"{judged_on(metrics, scope)}, worth {amount(metrics['mean_observed'])} each "
        f"on average, {total}; the model explains "
        f"{percent(metrics['deviance_explained'])} of the deviance{top}."
    )


def total_verdict(metrics: Metrics) -> tuple[bool, str]:
    """Whether predicted amounts may be added up, and that in a sentence."""
    if metrics["ratio"] is None:
        return False, "The observed amounts sum to 0: no ratio can be given."
    low, high = metrics["ratio_low"], metrics["ratio_high"]
    sizes = (
        f"{percent(metrics['ratio'])} of the observed one, 95 % interval "
        f"{percent(low)} to {percent(high)}"
    )
    if low <= 1 <= high:
        return True, (
            f"Predicted amounts can be added up: their total is {sizes}, which holds "
            "100 %."
        )
    side = "above" if low > 1 else "below"
    return False, (
        f"The predicted total is {sizes}: {side} what chance in these subjects "
        "explains. Use the order of predictions with more trust than their size."
    )


def ranking_verdict(baseline: Metrics) -> tuple[bool, str]:
    """Whether the model beats the simple baseline, and that in a sentence."""
    name = "deviance_explained_difference"
    found = baseline[name]
    if found is None:
        return False, "With amounts that do not differ, the two can't be compared."
    low, high = baseline[f"{name}_low"], baseline[f"{name}_high"]
    sizes = (
        f"share of deviance {_points(found)} percentage points, 95 % interval "
        f"{_points(low)} to {_points(high)}, both on the same examples"
    )
    if low > 0:
        return True, f"The model explains more than the simple baseline ({sizes})."
    if high < 0:
        return False, (
            f"The simple baseline explains more than the model ({sizes}): what the "
            "events say adds nothing here yet, or the model has not learned it."
        )
    return False, f"The model and the simple baseline can't be told apart ({sizes})."


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def cards(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Name, number and note of the numbers that matter most."""
    ratio = f"{percent(metrics['ratio_low'])} to {percent(metrics['ratio_high'])}"
    gini = f"{decimal(metrics['gini_low'])} to {decimal(metrics['gini_high'])}"
    shown = [
        (
            "Predicted total",
            percent(metrics["ratio"]),
            f"{ratio}; of the observed total",
        ),
        (
            "Mean amount",
            amount(metrics["mean_observed"]),
            f"{percent(metrics['share_above_zero'])} of all examples are above 0",
        ),
        (
            "Deviance explained",
            percent(metrics["deviance_explained"]),
            "0 % is the mean for all, 100 % perfect",
        ),
        ("Ranking (Gini)", decimal(metrics["gini"]), f"{gini}; 0 is guessing"),
        (
            "Top 20 %",
            percent(metrics["capture_top_20"]),
            "of all value is among them",
        ),
    ]
    baseline = metrics.get("baseline")
    if baseline and baseline["gini_difference"] is not None:
        low = signed(baseline["gini_difference_low"])
        high = signed(baseline["gini_difference_high"])
        note = f"{low} to {high}; more Gini than counts and recency give"
        shown.append(("Over the baseline", signed(baseline["gini_difference"]), note))
    return shown


def summary_table(metrics: Metrics) -> list[tuple[str, str]]:
    """The findings as rows of two columns, for a terminal."""
    rows = [
        ("Examples", f"{metrics['n']:,} of {metrics['subjects']:,} subjects"),
        ("Mean amount, observed", amount(metrics["mean_observed"])),
        ("Mean amount, predicted", amount(metrics["mean_predicted"])),
        ("Predicted over observed", between(metrics, "ratio", decimal)),
        ("RMSE, MAE", f"{amount(metrics['rmse'])}, {amount(metrics['mae'])}"),
        ("Deviance explained", between(metrics, "deviance_explained", percent)),
        ("Spearman", decimal(metrics["spearman"])),
        ("Gini, normalised", between(metrics, "gini", decimal)),
        (
            "Value in the top 10 %, 20 %",
            f"{percent(metrics['capture_top_10'])}, "
            f"{percent(metrics['capture_top_20'])}",
        ),
    ]
    baseline = metrics.get("baseline")
    if baseline:
        rows += [
            ("Simple baseline, RMSE", amount(baseline["rmse"])),
            (
                "Simple baseline, deviance explained",
                between(baseline, "deviance_explained", percent),
            ),
            ("Simple baseline, Gini", between(baseline, "gini", decimal)),
            ("Gini less baseline's", between(baseline, "gini_difference", signed)),
        ]
    return [(name, text or DASH) for name, text in rows]


TERMS = [
    (
        "Example",
        "One moment at which a prediction would have been made, and the amount that "
        "then came.",
    ),
    (
        "Predicted amount",
        "A mean: over many examples with this prediction, the amounts average to it. "
        "Single amounts lie far around it.",
    ),
    (
        "Deviance explained",
        "How much closer the predictions are to the amounts than the overall mean is, "
        "measured as the model learns: Poisson's deviance, or squared error where "
        "amounts below 0 occur.",
    ),
    (
        "RMSE, MAE",
        "The root of the mean squared error, and the mean absolute error. The first is "
        "ruled by the few largest amounts; the second is lowest for medians, not "
        "means.",
    ),
    (
        "Gini, normalised",
        "How much of the value the order of predictions gathers early, over what the "
        "perfect order gathers: 1 is perfect, 0 is guessing.",
    ),
    ("Spearman", "The correlation of the ranks of predictions and amounts."),
    (
        "Relative value",
        "The mean amount in a segment over that of all examples.",
    ),
    INTERVAL,
]

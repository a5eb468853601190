"""The findings of an evaluation in sentences, for those who read no further.

Each sentence carries the number, what it is worth on this many rows, and no more
confidence than the data give: an ECE stands beside its null, a difference beside its
interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation.kinds import words_of
from zap.evaluation.words import (
    decimal,
    error,
    judged_on,
    percent,
    plural,
    points,
    signed,
)


def headline(metrics: Mapping[str, Any], scope: str = "") -> str:
    """The evaluation in one sentence: n, base rate, AUC, ECE, each with its measure.

    Args:
        metrics: as ``evaluate`` returns them.
        scope: which examples these are, such as "the test split".
    """
    own = words_of(metrics)
    if own:
        return own.headline(metrics, scope)
    where = judged_on(metrics, scope)
    base = f", {percent(metrics['base_rate'])} of them positive,"
    return f"{where}{base} {_ranking(metrics)}, and {_error(metrics)}."


def _ranking(metrics: Mapping[str, Any]) -> str:
    if metrics["auc"] is None:
        return "ranking could not be judged, since all have the same outcome"
    return (
        f"the model ranks a positive above a negative {100 * metrics['auc']:.1f} times "
        f"in 100 (AUC {decimal(metrics['auc'])}, 95 % interval "
        f"{decimal(metrics['auc_low'])} to {decimal(metrics['auc_high'])})"
    )


def _error(metrics: Mapping[str, Any]) -> str:
    return (
        f"its predictions are off by {points(metrics['ece'])} percentage points on "
        f"average (ECE {error(metrics['ece'])}), where chance alone would show "
        f"{error(metrics['ece_null_mean'])} and seldom more than "
        f"{error(metrics['ece_null_95'])}"
    )


def calibration_verdict(metrics: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether predictions can be read as probabilities, and that in a sentence."""
    found, usual = metrics["ece"], metrics["ece_null_95"]
    shared = metrics.get("ece_null_95_by_subject") or usual
    if found <= usual:
        return True, (
            "Predictions can be read as probabilities: their calibration error of "
            f"{error(found)} is within what a perfectly calibrated model shows by "
            f"chance on this many examples (up to {error(usual)} in 95 of 100 cases)."
        )
    if found <= shared:
        return True, (
            f"The calibration error of {error(found)} is more than independent "
            f"examples would show by chance ({error(usual)}), but several examples "
            "belong to one subject and share its luck; then chance reaches up to "
            f"{error(shared)}. No error is proven."
        )
    return False, (
        f"The calibration error of {error(found)} is more than chance explains (up "
        f"to {error(usual)} in 95 of 100 cases): use the order of predictions with "
        "more trust than their size, and look at the curve to see where they are off."
    )


def baseline_verdict(
    baseline: Mapping[str, Any], name: str = "AUC"
) -> tuple[bool, str]:
    """Whether the model beats the simple baseline, and that in a sentence.

    Args:
        baseline: ``baseline`` of the metrics, with a difference of AUC.
        name: what the difference is of, in words.
    """
    difference = baseline["auc_difference"]
    if difference is None:
        return False, "With one outcome only, the two can't be compared."
    low, high = baseline["auc_difference_low"], baseline["auc_difference_high"]
    sizes = (
        f"{name} {signed(difference)}, 95 % interval {signed(low)} to {signed(high)}, "
        "both on the same examples"
    )
    if low > 0:
        return True, f"The model ranks better than the simple baseline ({sizes})."
    if high < 0:
        return False, (
            f"The simple baseline ranks better than the model ({sizes}): what the "
            "events say adds nothing here yet, or the model has not learned it."
        )
    return False, (
        f"The model and the simple baseline can't be told apart ({sizes}): counts, "
        "recency and waits explain as much as the whole sequence does here."
    )


def summary_table(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The findings as rows of two columns, for a terminal."""
    own = words_of(metrics)
    if own:
        return own.summary_table(metrics)
    rows = [
        ("Examples", f"{metrics['n']:,} of {plural(metrics['subjects'], 'subject')}"),
        ("Base rate", percent(metrics["base_rate"])),
        ("AUC", _with_interval(metrics, "auc")),
        ("Average precision", decimal(metrics["average_precision"])),
        ("Log loss", decimal(metrics["log_loss"])),
        (
            "ECE",
            f"{error(metrics['ece'])} (chance: {error(metrics['ece_null_mean'])}, "
            f"up to {error(metrics['ece_null_95'])})",
        ),
        ("ECE before calibration", error(metrics["ece_uncalibrated"])),
        ("Positive rate in the top 10 %", percent(metrics["top_decile_rate"])),
        ("Positives in the top 20 %", percent(metrics["capture_top_20"])),
    ]
    baseline = metrics.get("baseline")
    if baseline:
        rows += [
            ("Simple baseline, AUC", _with_interval(baseline, "auc")),
            ("AUC less baseline's", _with_interval(baseline, "auc_difference", True)),
        ]
    return rows


def _with_interval(metrics: Mapping[str, Any], key: str, sign: bool = False) -> str:
    shown = signed if sign else decimal
    if metrics[key] is None:
        return "not defined: one outcome only"
    low, high = shown(metrics[f"{key}_low"]), shown(metrics[f"{key}_high"])
    return f"{shown(metrics[key])} ({low} to {high})"

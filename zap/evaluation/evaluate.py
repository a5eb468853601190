"""All numbers of one evaluation, as the JSON that ``metrics.json`` holds.

The report, the terminal's table and later comparisons read this one object; a key once
given keeps its name and meaning. Undefined numbers are None, never NaN, so that strict
JSON readers accept the file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray
from zap.errors import BundleError, DatasetError
from zap.evaluation import curves, metrics
from zap.evaluation.baseline import Baseline
from zap.evaluation.bootstrap import DRAWS, auc_draws, interval
from zap.evaluation.ranking import as_floats, weights_or_ones

BASELINE_NAME = Baseline.described
_DRAWN_ROWS = 100_000_000
_FEWEST_DRAWS = 200


def evaluate(
    y: ArrayLike,
    p: ArrayLike,
    subjects: ArrayLike,
    *,
    p_uncalibrated: ArrayLike | None = None,
    p_baseline: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
    draws: int | None = None,
    baseline_name: str = BASELINE_NAME,
) -> dict[str, Any]:
    """Judges probabilities by what happened.

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        p: calibrated probabilities of a positive; shape (rows,).
        subjects: whose row it is, for the bootstrap; shape (rows,).
        p_uncalibrated: the same model's probabilities before calibration.
        p_baseline: the probabilities of the simple baseline for the same rows.
        weights: example weights; shape (rows,).
        seed: of the bootstrap and of the ECE's null.
        draws: how many of each; None for 1,000, less (never under 200) beyond 100,000
            rows, where the work would grow and the intervals are narrow anyhow.
        baseline_name: what the baseline is, in words.

    Returns:
        kind, auc, auc_low, auc_high, average_precision, log_loss, ece, ece_null_mean,
        ece_null_95, ece_null_95_by_subject, ece_uncalibrated, auc_uncalibrated,
        base_rate, mean_prediction, n, subjects, segments, top_decile_rate,
        capture_top_20, baseline, calibration_curve (after, before), distribution and
        draws. What is not known or not defined is None.

    Raises:
        DatasetError: there are no rows, outcomes other than 0 and 1, or weights that
            are not above 0.
        BundleError: predictions that are not probabilities.
    """
    outcomes = _outcomes(y)
    scores = {
        name: _probabilities(name, values, len(outcomes))
        for name, values in [
            ("p", p),
            ("p_uncalibrated", p_uncalibrated),
            ("p_baseline", p_baseline),
        ]
        if values is not None
    }
    weight = checked_weights(weights, len(outcomes))
    _same_length("subjects", np.asarray(subjects), len(outcomes))
    ranked = [scores[name] for name in ("p", "p_baseline") if name in scores]
    draws = draws_for(len(outcomes)) if draws is None else draws
    drawn = auc_draws(
        outcomes, ranked, subjects, weights=weight, draws=draws, seed=seed
    )
    result = {
        "kind": "binary",
        "n": len(outcomes),
        "subjects": len(np.unique(np.asarray(subjects))),
        "base_rate": float(np.average(outcomes, weights=weight)),
        "mean_prediction": float(np.average(scores["p"], weights=weight)),
        **_scores(outcomes, scores["p"], weight, drawn[:, 0]),
        **_null(scores["p"], subjects, weight, draws, seed),
        **_shape(outcomes, scores["p"], weight),
        **_before(outcomes, scores.get("p_uncalibrated"), weight),
        "calibration_curve": {
            "after": _curve(outcomes, scores["p"], weight, subjects),
            "before": _curve(outcomes, scores.get("p_uncalibrated"), weight, subjects),
        },
        "draws": draws,
        "baseline": None,
    }
    if "p_baseline" in scores:
        result["baseline"] = {
            "name": baseline_name,
            **_scores(outcomes, scores["p_baseline"], weight, drawn[:, 1]),
            **_difference(outcomes, scores, weight, drawn),
        }
    return dict(without_nan(result))


def draws_for(rows: int) -> int:
    """How many bootstrap draws there are for so many rows."""
    return min(DRAWS, max(_FEWEST_DRAWS, _DRAWN_ROWS // rows))


def _outcomes(y: ArrayLike) -> FloatArray:
    outcomes = as_floats(y)
    if not len(outcomes):
        raise DatasetError(
            "An evaluation needs at least one example. Received: rows=0. "
            "Choose a split that has examples, or look at the counters of the dataset."
        )
    wrong = outcomes[(outcomes != 0) & (outcomes != 1)]
    if len(wrong):
        raise DatasetError(
            "Outcomes must be 0 or 1 to judge probabilities of a yes or no. "
            f"Received: y={wrong[0]:g} (and {len(wrong) - 1:,} more like it). "
            "Give the generator a label that is true or false."
        )
    return outcomes


def _probabilities(name: str, values: ArrayLike, rows: int) -> FloatArray:
    p = as_floats(values)
    _same_length(name, p, rows)
    wrong = p[~((p >= 0) & (p <= 1))]
    if len(wrong):
        raise BundleError(
            f"Predictions must be probabilities in [0, 1]. Received: {name}="
            f"{wrong[0]} (and {len(wrong) - 1:,} more outside). "
            "The model is damaged or did not train: train it again."
        )
    return p


def checked_weights(weights: ArrayLike | None, rows: int) -> FloatArray:
    """Example weights, or a one for each row.

    Raises:
        DatasetError: a weight is not above 0 or not finite.
    """
    weight = weights_or_ones(weights, rows)
    _same_length("weights", weight, rows)
    wrong = weight[~(np.isfinite(weight) & (weight > 0))]
    if len(wrong):
        raise DatasetError(
            f"Examples that are judged must have weights above 0. Received: weight="
            f"{wrong[0]:g} (and {len(wrong) - 1:,} more like it). Make the generator "
            "leave such examples out instead."
        )
    return weight


def _same_length(name: str, values: Any, rows: int) -> None:
    assert len(values) == rows, f"{name} has {len(values)} rows, y has {rows}"


def _scores(
    y: FloatArray, p: FloatArray, weight: FloatArray, drawn: FloatArray
) -> dict[str, float]:
    low, high = interval(drawn)
    return {
        "auc": metrics.auc(y, p, weight),
        "auc_low": low,
        "auc_high": high,
        "average_precision": metrics.average_precision(y, p, weight),
        "log_loss": metrics.log_loss(y, p, weight),
        "ece": metrics.ece(y, p, weight),
    }


def _null(
    p: FloatArray, subjects: ArrayLike, weight: FloatArray, draws: int, seed: int
) -> dict[str, float]:
    mean, high = metrics.ece_null(p, draws, seed, weight)
    _, shared = metrics.ece_null(p, draws, seed, weight, subjects)
    return {
        "ece_null_mean": mean,
        "ece_null_95": high,
        "ece_null_95_by_subject": shared,
    }


def _shape(y: FloatArray, p: FloatArray, weight: FloatArray) -> dict[str, Any]:
    return {
        "segments": curves.segments(y, p, weight),
        "top_decile_rate": curves.top_rate(y, p, weight),
        "capture_top_20": curves.capture(y, p, weight),
        "distribution": curves.distribution(y, p),
    }


def _before(
    y: FloatArray, p: FloatArray | None, weight: FloatArray
) -> dict[str, float | None]:
    return {
        "ece_uncalibrated": None if p is None else metrics.ece(y, p, weight),
        "auc_uncalibrated": None if p is None else metrics.auc(y, p, weight),
    }


def _curve(
    y: FloatArray, p: FloatArray | None, weight: FloatArray, subjects: ArrayLike
) -> Any:
    return None if p is None else curves.calibration_curve(y, p, weight, subjects)


def _difference(
    y: FloatArray, scores: dict[str, FloatArray], weight: FloatArray, drawn: FloatArray
) -> dict[str, float]:
    low, high = interval(drawn[:, 0] - drawn[:, 1])
    ours, theirs = (
        metrics.auc(y, scores[name], weight) for name in ("p", "p_baseline")
    )
    return {
        "auc_difference": ours - theirs,
        "auc_difference_low": low,
        "auc_difference_high": high,
    }


def without_nan(value: Any) -> Any:
    """The same JSON with None for every number that is not finite."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""All numbers of one evaluation of classes, as the JSON that ``metrics.json`` holds.

Each class is judged against all others, as a yes or no would be; the whole is judged by
the probability of what happened and, in the paper's own form, by the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray
from zap.errors import BundleError, DatasetError
from zap.evaluation import class_metrics, curves, metrics
from zap.evaluation.bootstrap import auc_draws, interval
from zap.evaluation.evaluate import checked_weights, draws_for, without_nan
from zap.evaluation.ranking import as_floats

_MOST_BUCKETS = 12  # several curves share a chart


def evaluate_classes(
    y: ArrayLike,
    p: ArrayLike,
    subjects: ArrayLike,
    classes: Sequence[str],
    *,
    p_uncalibrated: ArrayLike | None = None,
    p_baseline: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
    draws: int | None = None,
    baseline_name: str = "baseline",
) -> dict[str, Any]:
    """Judges probabilities of K classes by what happened.

    Args:
        y: numbers of the classes that happened; shape (rows,).
        p: calibrated probabilities; shape (rows, K).
        subjects: whose row it is, for the bootstrap; shape (rows,).
        classes: the names of the K classes.
        p_uncalibrated: the same model's probabilities before calibration.
        p_baseline: the probabilities of the simple baseline for the same rows.
        weights: example weights; shape (rows,).
        seed: of the bootstrap and of the ECE's null.
        draws: how many of each; None as for ``evaluate``.
        baseline_name: what the baseline is, in words.

    Returns:
        kind, n, subjects, log_loss, log_loss_uncalibrated, accuracy, auc_mean with its
        interval, ece (of the confidence) with its null, ece_uncalibrated, confusion
        (rows of it: what happened; columns: what the model names), classes (for each:
        name, n, base_rate, mean_prediction, auc with its interval, ece with its null,
        calibration_curve) and baseline. What is not known or not defined is None.

    Raises:
        DatasetError: there are no rows, labels that are no numbers of classes, or
            weights that are not above 0.
        BundleError: predictions that are not probabilities.
    """
    number = _numbers(y, classes)
    given = [("p", p), ("before", p_uncalibrated), ("baseline", p_baseline)]
    scores = {
        name: _probabilities(name, values, (len(number), len(classes)))
        for name, values in given
        if values is not None
    }
    weight = checked_weights(weights, len(number))
    draws = draws_for(len(number)) if draws is None else draws
    ranked = [scores[name] for name in ("p", "baseline") if name in scores]
    drawn = np.stack(
        [
            auc_draws(
                number == own,
                [score[:, own] for score in ranked],
                subjects,
                weights=weight,
                draws=draws,
                seed=seed,
            )
            for own in range(len(classes))
        ]
    )
    judge = _Judge(number, weight, np.asarray(subjects), draws, seed)
    before = scores.get("before")
    result: dict[str, Any] = {
        "kind": "classes",
        "n": len(number),
        "subjects": len(np.unique(np.asarray(subjects))),
        "draws": draws,
        **judge.whole(scores["p"], drawn[:, :, 0]),
        **judge.null(scores["p"]),
        "ece_uncalibrated": None if before is None else judge.error(before),
        "log_loss_uncalibrated": None if before is None else judge.loss(before),
        "confusion": class_metrics.confusion(number, scores["p"]),
        "classes": [
            {"name": name, **judge.of_class(own, scores, drawn[own])}
            for own, name in enumerate(classes)
        ],
        "baseline": None,
    }
    if "baseline" in scores:
        result["baseline"] = {
            "name": baseline_name,
            **judge.whole(scores["baseline"], drawn[:, :, 1]),
            **judge.difference(scores, drawn),
        }
    return dict(without_nan(result))


class _Judge:
    """The rows that scores are held against."""

    def __init__(
        self, y: Any, weight: FloatArray, subjects: Any, draws: int, seed: int
    ):
        self._y, self._weight, self._subjects = y, weight, subjects
        self._draws, self._seed = draws, seed

    def error(self, p: FloatArray) -> float:
        return class_metrics.confidence_ece(self._y, p, self._weight)

    def loss(self, p: FloatArray) -> float:
        return class_metrics.log_loss(self._y, p, self._weight)

    def whole(self, p: FloatArray, drawn: FloatArray) -> dict[str, float]:
        """Numbers of all classes together; ``drawn`` AUCs are (K, draws)."""
        low, high = interval(_mean(drawn))
        return {
            "log_loss": self.loss(p),
            "accuracy": class_metrics.accuracy(self._y, p, self._weight),
            "auc_mean": self._mean_auc(p),
            "auc_mean_low": low,
            "auc_mean_high": high,
            "ece": self.error(p),
        }

    def _mean_auc(self, p: FloatArray) -> float:
        aucs = [
            metrics.auc(self._y == own, p[:, own], self._weight)
            for own in range(p.shape[1])
        ]
        return float(_mean(as_floats(aucs)[:, None])[0])

    def null(self, p: FloatArray) -> dict[str, float]:
        """What the ECE of the confidence is by chance alone."""
        sure = class_metrics.confidence(p)
        mean, high = metrics.ece_null(sure, self._draws, self._seed, self._weight)
        _, shared = metrics.ece_null(
            sure, self._draws, self._seed, self._weight, self._subjects
        )
        return {
            "ece_null_mean": mean,
            "ece_null_95": high,
            "ece_null_95_by_subject": shared,
        }

    def of_class(
        self, own: int, scores: dict[str, FloatArray], drawn: FloatArray
    ) -> dict[str, Any]:
        """One class against all others; ``drawn`` AUCs are (draws, scores)."""
        happened = as_floats(self._y == own)
        p, weight = scores["p"][:, own], self._weight
        low, high = interval(drawn[:, 0])
        mean, most = metrics.ece_null(p, self._draws, self._seed, weight)
        return {
            "n": int(happened.sum()),
            "base_rate": float(np.average(happened, weights=weight)),
            "mean_prediction": float(np.average(p, weights=weight)),
            "auc": metrics.auc(happened, p, weight),
            "auc_low": low,
            "auc_high": high,
            "auc_baseline": metrics.auc(happened, scores["baseline"][:, own], weight)
            if "baseline" in scores
            else None,
            "ece": metrics.ece(happened, p, weight),
            "ece_null_mean": mean,
            "ece_null_95": most,
            "calibration_curve": {
                part: curves.calibration_curve(
                    happened,
                    scores[name][:, own],
                    weight,
                    self._subjects,
                    max_buckets=_MOST_BUCKETS,
                )
                if name in scores
                else None
                for part, name in (("after", "p"), ("before", "before"))
            },
        }

    def difference(
        self, scores: dict[str, FloatArray], drawn: FloatArray
    ) -> dict[str, float]:
        """Mean AUC less the baseline's, paired by draw."""
        low, high = interval(_mean(drawn[:, :, 0] - drawn[:, :, 1]))
        ours, theirs = (self._mean_auc(scores[name]) for name in ("p", "baseline"))
        return {
            "auc_difference": ours - theirs,
            "auc_difference_low": low,
            "auc_difference_high": high,
        }


def _mean(values: FloatArray) -> FloatArray:
    """The mean over the classes (axis 0) that are defined; NaN if none is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0)
    count = known.sum(axis=0)
    return as_floats(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _numbers(y: ArrayLike, classes: Sequence[str]) -> Any:
    labels = as_floats(y)
    if not len(labels):
        raise DatasetError(
            "An evaluation needs at least one example. Received: rows=0. "
            "Choose a split that has examples, or look at the counters of the dataset."
        )
    wrong = labels[~np.isin(labels, np.arange(len(classes)))]
    if len(wrong):
        raise DatasetError(
            f"Outcomes must be the numbers 0 to {len(classes) - 1} of the classes "
            f"{', '.join(classes)}. Received: y={wrong[0]:g} (and {len(wrong) - 1:,} "
            "more like it). Judge the bundle on the question it was trained for."
        )
    return labels.astype(np.int64)


def _probabilities(name: str, values: ArrayLike, shape: tuple[int, int]) -> FloatArray:
    p = as_floats(values)
    assert p.shape == shape, f"{name} has the shape {p.shape}, not {shape}"
    inside = ((p >= 0) & (p <= 1)).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-6)
    if not inside.all():
        raise BundleError(
            f"Predictions must be probabilities that sum to 1. Received: {name}="
            f"{p[~inside][0].tolist()} (and {int((~inside).sum()) - 1:,} more like it)."
            " The model is damaged or did not train: train it again."
        )
    return p

"""All numbers of one evaluation of amounts, as the JSON that ``metrics.json`` holds.

Totals first: whoever plans with predicted amounts adds them up. Then how far single
predictions are off, how much of what can be explained is, and how well they rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.target import LOG
from zap.encoding.columns import FloatArray, IntArray
from zap.errors import BundleError, DatasetError
from zap.evaluation import amount_curves
from zap.evaluation import amount_metrics as measures
from zap.evaluation.bootstrap import SubjectDraws, interval
from zap.evaluation.curves import QUANTILES
from zap.evaluation.evaluate import checked_weights, draws_for, without_nan
from zap.evaluation.ranking import Ranking, as_floats

_ROUNDING = 1e-9


def evaluate_amounts(
    y: ArrayLike,
    p: ArrayLike,
    subjects: ArrayLike,
    link: str = LOG,
    *,
    p_uncalibrated: ArrayLike | None = None,
    p_baseline: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
    draws: int | None = None,
    baseline_name: str = "baseline",
) -> dict[str, Any]:
    """Judges predicted mean amounts by what happened.

    Args:
        y: amounts; shape (rows,).
        p: predicted means; shape (rows,).
        subjects: whose row it is, for the bootstrap; shape (rows,).
        link: that of the model; it says which deviance is explained: Poisson's (log)
            or the squared error (identity).
        p_uncalibrated: the same model's means before recalibration.
        p_baseline: the means of the simple baseline for the same rows.
        weights: example weights; shape (rows,).
        seed: of the bootstrap.
        draws: how many; None as for ``evaluate``.
        baseline_name: what the baseline is, in words.

    Returns:
        kind, link, n, subjects, share_above_zero, mean_observed, mean_predicted, ratio
        (predicted over observed), rmse, mae, deviance_explained, spearman, gini (the
        last two rank; ratio, deviance_explained and gini with intervals), segments,
        capture_top_10, capture_top_20 (share of all value there), calibration_curve,
        quantiles and baseline, with what the model has over it. What is not known or
        not defined is None.

    Raises:
        DatasetError: there are no rows, amounts that are not finite, or weights that
            are not above 0.
        BundleError: predictions that are not finite.
    """
    amounts = _amounts(y)
    given = [("p", p), ("before", p_uncalibrated), ("baseline", p_baseline)]
    scores = {
        name: _means(name, values, len(amounts))
        for name, values in given
        if values is not None
    }
    weight = checked_weights(weights, len(amounts))
    names, subject = np.unique(np.asarray(subjects), return_inverse=True)
    draws = draws_for(len(amounts)) if draws is None else draws
    drawn = SubjectDraws(len(names), draws, seed)
    judge = _Judge(amounts, weight, subject, drawn, link)
    before = scores.get("before")
    result: dict[str, Any] = {
        "kind": "amount",
        "link": link,
        "n": len(amounts),
        "subjects": len(names),
        "draws": draws,
        "share_above_zero": float(np.average(amounts > 0, weights=weight)),
        "mean_observed": float(np.average(amounts, weights=weight)),
        **judge.numbers(scores["p"]),
        "ratio_uncalibrated": None if before is None else judge.ratio(before),
        "deviance_explained_uncalibrated": (
            None if before is None else judge.explained(before)
        ),
        "segments": amount_curves.segments(amounts, scores["p"], weight),
        "capture_top_10": measures.captured(amounts, scores["p"], 0.1, weight),
        "capture_top_20": measures.captured(amounts, scores["p"], 0.2, weight),
        "calibration_curve": {
            part: amount_curves.calibration_curve(
                amounts, scores[name], weight, drawn, subject
            )
            if name in scores
            else None
            for part, name in (("after", "p"), ("before", "before"))
        },
        "quantiles": {
            name: {f"{100 * q:g}": float(np.quantile(values, q)) for q in QUANTILES}
            for name, values in (("predicted", scores["p"]), ("observed", amounts))
        },
        "baseline": None,
    }
    if "baseline" in scores:
        theirs = scores["baseline"]
        result["baseline"] = {
            "name": baseline_name,
            **judge.numbers(theirs),
            "capture_top_20": measures.captured(amounts, theirs, 0.2, weight),
            **judge.differences(scores["p"], theirs),
        }
    return dict(without_nan(result))


class _Judge:
    """The rows that predicted means are held against, and the draws of subjects."""

    def __init__(
        self,
        y: FloatArray,
        weight: FloatArray,
        subject: IntArray,
        drawn: SubjectDraws,
        link: str,
    ):
        self._y, self._weight, self._subject = y, weight, subject
        self._drawn, self._link = drawn, link
        self._best = Ranking.of(y)
        self._worst = measures.constant_deviances(y, link, weight)

    def _deviances(self, p: FloatArray) -> FloatArray:
        return measures.deviances(self._y, p, self._link)

    def ratio(self, p: FloatArray) -> float:
        observed = float(self._weight @ self._y)
        return float(self._weight @ p) / observed if observed else float("nan")

    def explained(self, p: FloatArray) -> float:
        return measures.deviance_explained(self._y, p, self._link, self._weight)

    def numbers(self, p: FloatArray) -> dict[str, float]:
        """All numbers of one model."""
        ratio_low, ratio_high = interval(self._ratios(p))
        explained_low, explained_high = interval(self._explained_draws(p))
        gini_low, gini_high = interval(self._ginis(p))
        y, weight = self._y, self._weight
        return {
            "mean_predicted": float(np.average(p, weights=weight)),
            "ratio": self.ratio(p),
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
            "rmse": measures.rmse(y, p, weight),
            "mae": measures.mae(y, p, weight),
            "deviance_explained": self.explained(p),
            "deviance_explained_low": explained_low,
            "deviance_explained_high": explained_high,
            "spearman": measures.spearman(y, p, weight),
            "gini": measures.gini(y, p, weight),
            "gini_low": gini_low,
            "gini_high": gini_high,
        }

    def differences(self, p: FloatArray, other: FloatArray) -> dict[str, float]:
        """What ``p`` has over another model, paired by draw."""
        found = {}
        for name, one, drawn in (
            ("deviance_explained", self.explained, self._explained_draws),
            ("gini", self._gini, self._ginis),
        ):
            low, high = interval(drawn(p) - drawn(other))
            found[f"{name}_difference"] = one(p) - one(other)
            found[f"{name}_difference_low"] = low
            found[f"{name}_difference_high"] = high
        return found

    def _sums(self, values: FloatArray) -> FloatArray:
        """The weighted sum of each draw; shape (draws,)."""
        by_subject = np.bincount(
            self._subject, self._weight * values, minlength=self._drawn.subjects
        )
        return as_floats([times @ by_subject for times in self._drawn])

    def _ratios(self, p: FloatArray) -> FloatArray:
        return _over(self._sums(p), self._sums(self._y))

    def _explained_draws(self, p: FloatArray) -> FloatArray:
        worst = self._worst_draws()
        return as_floats(1 - _over(self._sums(self._deviances(p)), worst))

    def _worst_draws(self) -> FloatArray:
        """The deviance of each draw's own constant mean; NaN where none is left.

        Around the mean of all rows it is larger, by the deviance of the draw's mean
        from that one; what rounding leaves of the difference is no measure.
        """
        around_all, weight = self._sums(self._worst), self._sums(np.ones(len(self._y)))
        means = self._sums(self._y) / weight
        mean = np.full(len(means), np.average(self._y, weights=self._weight))
        worst = around_all - weight * measures.deviances(means, mean, self._link)
        return np.where(worst > _ROUNDING * around_all, worst, np.nan)

    def _gini(self, p: FloatArray) -> float:
        return measures.gini(self._y, p, self._weight)

    def _ginis(self, p: FloatArray) -> FloatArray:
        ranking = Ranking.of(p)
        weights = (self._weight * times[self._subject] for times in self._drawn)
        found = [
            measures.gini_of(ranking, self._best, weight * self._y, weight)
            for weight in weights
        ]
        return as_floats(found)


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    blank = np.full(len(below), np.nan)
    return as_floats(np.divide(above, below, out=blank, where=below != 0))


def _amounts(y: ArrayLike) -> FloatArray:
    amounts = as_floats(y)
    if not len(amounts):
        raise DatasetError(
            "An evaluation needs at least one example. Received: rows=0. "
            "Choose a split that has examples, or look at the counters of the dataset."
        )
    wrong = amounts[~np.isfinite(amounts)]
    if len(wrong):
        raise DatasetError(
            f"Outcomes must be finite amounts. Received: y={wrong[0]:g} (and "
            f"{len(wrong) - 1:,} more like it). Let the label skip such values."
        )
    return amounts


def _means(name: str, values: ArrayLike, rows: int) -> FloatArray:
    p = as_floats(values)
    assert p.shape == (rows,), f"{name} has the shape {p.shape}, y has {rows} rows"
    wrong = p[~np.isfinite(p)]
    if len(wrong):
        raise BundleError(
            f"Predicted amounts must be finite. Received: {name}={wrong[0]} (and "
            f"{len(wrong) - 1:,} more like it). The model is damaged or did not train: "
            "train it again."
        )
    return p

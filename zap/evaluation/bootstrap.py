"""Intervals for AUC and for its differences, by resampling whole subjects.

Rows of one subject are not independent, so a draw takes subjects, not rows. A draw is
a count for each subject, and the ranking of the scores does not change with it: each
costs a few passes over the rows and no sorting. Scores that are compared share their
draws, which makes the difference paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation.metrics import auc
from zap.evaluation.ranking import Ranking, as_floats, auc_of_runs, weights_or_ones

DRAWS = 1000


def auc_draws(
    y: ArrayLike,
    scores: Sequence[ArrayLike],
    subjects: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> FloatArray:
    """The AUC of each score in each bootstrap draw of the subjects.

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        scores: one or more scores of the same rows; each of shape (rows,).
        subjects: whose row it is (any values that can be sorted); shape (rows,).
        weights: example weights; shape (rows,).
        draws: how many resamples are drawn.
        seed: of the draws; they don't depend on the order of the rows.

    Returns:
        float64, shape (draws, scores); NaN where a draw holds one class only.
    """
    outcomes = as_floats(y)
    weight = weights_or_ones(weights, len(outcomes))
    names, code = np.unique(np.asarray(subjects), return_inverse=True)
    ranked = [_Ranked(score, outcomes, weight, code) for score in scores]
    result = np.empty((draws, len(ranked)))
    for i, times in enumerate(SubjectDraws(len(names), draws, seed)):
        result[i] = [score.auc(times) for score in ranked]
    return result


@dataclass(frozen=True)
class SubjectDraws:
    """How often each bootstrap draw holds each subject, made anew at each pass.

    The draws are those of ``auc_draws``.

    Attributes:
        subjects: how many there are.
        draws: how many resamples are drawn.
        seed: of the draws.
    """

    subjects: int
    draws: int
    seed: int = 0

    def __iter__(self) -> Iterator[FloatArray]:
        """Counts of the subjects, float64, shape (subjects,), one array a draw."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.draws):
            picked = rng.integers(0, self.subjects, self.subjects)
            yield np.bincount(picked, minlength=self.subjects).astype(np.float64)


class _Ranked:
    """One score, sorted once; its AUC under any count of the subjects."""

    def __init__(
        self, score: ArrayLike, y: FloatArray, weight: FloatArray, subject: IntArray
    ):
        self._ranking = Ranking.of(as_floats(score))
        order = self._ranking.order
        self._subject = subject[order]
        self._positive = (weight * y)[order]
        self._negative = (weight * (1 - y))[order]

    def auc(self, times: FloatArray) -> float:
        count = times[self._subject]
        return auc_of_runs(
            self._ranking.sum_runs(count * self._positive),
            self._ranking.sum_runs(count * self._negative),
        )


def interval(draws: FloatArray) -> tuple[float, float]:
    """The middle 95 % of ``draws``; draws that are NaN don't count."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def auc_interval(
    y: ArrayLike,
    p: ArrayLike,
    subjects: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float, float]:
    """AUC with its 95 % interval: (auc, low, high). Arguments as ``auc_draws``."""
    drawn = auc_draws(y, [p], subjects, weights=weights, draws=draws, seed=seed)
    return auc(y, p, weights), *interval(drawn[:, 0])


def paired_auc_difference(
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    subjects: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float, float]:
    """AUC of ``p_a`` less that of ``p_b``, with its 95 % interval, paired.

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        p_a: the scores of one model; shape (rows,).
        p_b: the scores of the other for the same rows; shape (rows,).
        subjects: whose row it is; shape (rows,).
        weights: example weights; shape (rows,).
        draws: how many resamples are drawn.
        seed: of the draws.

    Returns:
        (difference, low, high); an interval above 0 says that ``p_a`` ranks better.
    """
    drawn = auc_draws(y, [p_a, p_b], subjects, weights=weights, draws=draws, seed=seed)
    difference = auc(y, p_a, weights) - auc(y, p_b, weights)
    return difference, *interval(drawn[:, 0] - drawn[:, 1])


def paired_mean_difference(
    values_a: ArrayLike,
    values_b: ArrayLike,
    subjects: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Mean of ``values_a`` less that of ``values_b``, with its 95 % interval, paired.

    Args:
        values_a: one number a row, such as its loss under one model; shape (rows,).
        values_b: the same under the other; shape (rows,).
        subjects: whose row it is; shape (rows,).
        weights: example weights; shape (rows,).
        draws: how many resamples are drawn.
        seed: of the draws.

    Returns:
        (difference, low, high).
    """
    differences = as_floats(values_a) - as_floats(values_b)
    weight = weights_or_ones(weights, len(differences))
    names, code = np.unique(np.asarray(subjects), return_inverse=True)
    surplus = np.bincount(code, weight * differences, minlength=len(names))
    size = np.bincount(code, weight, minlength=len(names))
    drawn = [
        float(times @ surplus / (times @ size))
        for times in SubjectDraws(len(names), draws, seed)
    ]
    return float(surplus.sum() / size.sum()), *interval(np.array(drawn))

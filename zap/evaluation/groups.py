"""One group of examples judged for itself: what slices and moments have in common.

A group's numbers are those of the whole evaluation, on the group's rows alone, with
fewer draws: there are many groups, and each has fewer rows and wider intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.evaluation import metrics
from zap.evaluation.bootstrap import auc_draws, interval

DRAWS = 200
ROUGH_POSITIVES = 100


@dataclass(frozen=True)
class Judged:
    """Examples with what a model said of them and what happened.

    Attributes:
        y: float64, shape (rows,): outcomes, 0 or 1.
        p: float64, shape (rows,): calibrated probabilities of a positive.
        subjects: int64, shape (rows,): whose row it is.
        weight: float64, shape (rows,): example weights.
    """

    y: FloatArray
    p: FloatArray
    subjects: IntArray
    weight: FloatArray

    def __post_init__(self) -> None:
        rows = len(self.y)
        for column in (self.p, self.subjects, self.weight):
            assert len(column) == rows, f"{len(column)} rows beside {rows}"

    def __len__(self) -> int:
        return len(self.y)

    def take(self, chosen: BoolArray) -> Judged:
        """The rows where ``chosen`` is true."""
        return Judged(
            self.y[chosen], self.p[chosen], self.subjects[chosen], self.weight[chosen]
        )


def judge_group(group: Judged, draws: int = DRAWS, seed: int = 0) -> dict[str, Any]:
    """The numbers of one group; at least one row.

    Returns:
        n, positives, subjects, base_rate, mean_prediction, auc with auc_low and
        auc_high (95 %, by resampling subjects), ece, ece_null_95 (rows drawn each for
        itself), ece_null_95_by_subject and rough: whether it has under 100 positives.
        What is not defined is NaN.
    """
    y, p, weight, subjects = group.y, group.p, group.weight, group.subjects
    drawn = auc_draws(y, [p], subjects, weights=weight, draws=draws, seed=seed)
    low, high = interval(drawn[:, 0])
    positives = int(y.sum())
    return {
        "n": len(group),
        "positives": positives,
        "subjects": len(np.unique(subjects)),
        "base_rate": float(np.average(y, weights=weight)),
        "mean_prediction": float(np.average(p, weights=weight)),
        "auc": metrics.auc(y, p, weight),
        "auc_low": low,
        "auc_high": high,
        "ece": metrics.ece(y, p, weight),
        "ece_null_95": metrics.ece_null(p, draws, seed, weight)[1],
        "ece_null_95_by_subject": metrics.ece_null(p, draws, seed, weight, subjects)[1],
        "rough": positives < ROUGH_POSITIVES,
    }

"""Scores sorted from high to low, with equal scores kept together as one run.

Rank metrics must not depend on the order in which rows with equal scores happen to lie
(frozen models repeat a score for every visit with the same history). So everything
here is a sum over runs of equal scores, and a cut inside of a run takes the same share
of each of its rows: the mean over all ways to break the tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray, IntArray


@dataclass(frozen=True)
class Ranking:
    """The order of some scores.

    Attributes:
        order: int64, shape (rows,): rows from the highest score to the lowest.
        starts: int64, shape (runs,): where in ``order`` each run of equal scores
            begins.
    """

    order: IntArray
    starts: IntArray

    @classmethod
    def of(cls, scores: FloatArray) -> Ranking:
        """Ranks ``scores``, which hold no NaN; shape (rows,)."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        changes = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
        starts = np.concatenate(([0], changes)) if len(scores) else changes
        return cls(order, starts.astype(np.int64))

    def per_run(self, values: FloatArray) -> FloatArray:
        """Sums of ``values`` (by row) over each run; shape (runs,)."""
        return self.sum_runs(values[self.order])

    def sum_runs(self, ranked: FloatArray) -> FloatArray:
        """Sums over each run of values that are in ranked order already."""
        if len(self.starts) == len(ranked):
            return ranked
        return np.add.reduceat(ranked, self.starts)


def auc_of_runs(positives: FloatArray, negatives: FloatArray) -> float:
    """Area under the ROC curve from the weights in each run, high to low.

    A positive beats all negatives of lower runs and half of those of its own run
    (the Mann-Whitney form).

    Args:
        positives: weight of the positive rows in each run; shape (runs,).
        negatives: weight of the negative rows in each run; shape (runs,).

    Returns:
        The area in [0, 1], NaN when one of the two classes has no weight.
    """
    above = np.cumsum(negatives)
    all_negatives = above[-1] if len(above) else 0.0
    pairs = positives.sum() * all_negatives
    if pairs == 0:
        return float("nan")
    # No product of BLAS: in a bootstrap its threads cost more than they bring.
    beaten = np.sum(positives * (all_negatives - above + 0.5 * negatives))
    return float(beaten / pairs)


@dataclass(frozen=True)
class Gains:
    """What has been gathered when rows are taken from the highest score down.

    Attributes:
        weight: weight of the rows taken at the end of each run, from 0; (runs + 1,).
        values: the sum gathered at the same points; shape (runs + 1,).
    """

    weight: FloatArray
    values: FloatArray

    @classmethod
    def of(cls, ranking: Ranking, values: FloatArray, weights: FloatArray) -> Gains:
        """Gathers ``values`` times ``weights`` (both by row) along ``ranking``."""
        return cls(
            _from_zero(ranking.per_run(weights)),
            _from_zero(ranking.per_run(values * weights)),
        )

    def at(self, share: float | FloatArray) -> FloatArray:
        """The sum within the top ``share`` (0 to 1) of the weight."""
        return np.asarray(
            np.interp(np.multiply(share, self.weight[-1]), self.weight, self.values)
        )


def _from_zero(values: FloatArray) -> FloatArray:
    return np.concatenate(([0.0], np.cumsum(values)))


def as_floats(values: ArrayLike) -> FloatArray:
    """``values`` as float64; metrics of float32 scores are computed in float64."""
    return np.asarray(values, dtype=np.float64)


def weights_or_ones(weights: ArrayLike | None, rows: int) -> FloatArray:
    """``weights`` as float64, or a one for each row."""
    return np.ones(rows) if weights is None else as_floats(weights)

"""Numbers that say how good probabilities are, in numpy alone.

All take outcomes ``y`` (0 or 1) and probabilities ``p`` of a positive, each of shape
(rows,), and optional example weights. A number that is not defined (one class only) is
NaN. Paper: sections 7 and 8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation.ranking import Ranking, as_floats, auc_of_runs, weights_or_ones

ECE_BINS = 15
_SMALLEST = float(np.finfo(np.float64).eps)


def auc(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: how often a positive is scored above a negative.

    Equal scores count half.
    """
    outcomes = as_floats(y)
    weight = weights_or_ones(weights, len(outcomes))
    ranking = Ranking.of(as_floats(p))
    positives = ranking.per_run(weight * outcomes)
    return auc_of_runs(positives, ranking.per_run(weight) - positives)


def average_precision(
    y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Precision averaged over recall, one step for each distinct score."""
    outcomes = as_floats(y)
    weight = weights_or_ones(weights, len(outcomes))
    ranking = Ranking.of(as_floats(p))
    positives = ranking.per_run(weight * outcomes)
    taken = np.cumsum(ranking.per_run(weight))
    if positives.sum() == 0:
        return float("nan")
    precision = np.cumsum(positives) / np.maximum(taken, _SMALLEST)
    return float(positives @ precision / positives.sum())


def log_loss(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean negative log likelihood in nats; p is kept off 0 and 1 by 2.2e-16."""
    outcomes = as_floats(y)
    clipped = np.clip(as_floats(p), _SMALLEST, 1 - _SMALLEST)
    each = -np.where(outcomes == 1, np.log(clipped), np.log1p(-clipped))
    return float(np.average(each, weights=weights_or_ones(weights, len(outcomes))))


def brier(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared distance of the probability from what happened."""
    squares = (as_floats(y) - as_floats(p)) ** 2
    return float(np.average(squares, weights=weights_or_ones(weights, len(squares))))


def ece(
    y: ArrayLike,
    p: ArrayLike,
    weights: ArrayLike | None = None,
    bins: int = ECE_BINS,
) -> float:
    """Expected calibration error, the form for the positive class (paper: 5 to 7).

    The sum over ``bins`` bins of equal width, (0, 1/bins] and so on with 0 in the
    lowest, of the bin's share of rows times the distance between the mean prediction
    and the share of positives.
    """
    outcomes = as_floats(y)
    predicted = as_floats(p)
    weight = weights_or_ones(weights, len(outcomes))
    surplus = weight * (outcomes - predicted)
    off = np.bincount(ece_bin(predicted, bins), surplus, minlength=bins)
    return float(np.abs(off).sum() / weight.sum())


def ece_bin(p: FloatArray, bins: int = ECE_BINS) -> IntArray:
    """The bin of each probability; a value on an edge is in the lower bin."""
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, p, side="left")


def ece_null(
    p: ArrayLike,
    n_draws: int = 1000,
    seed: int = 0,
    weights: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
    bins: int = ECE_BINS,
    share: float = 0.95,
) -> tuple[float, float]:
    """What ECE is when the probabilities are exactly right, by chance alone.

    Outcomes are drawn with y ~ Bernoulli(p). By default each row is drawn for itself.
    With ``subjects`` all rows of a subject share one draw, u < p: the widest that the
    null gets when a subject's rows hang together (every page view of one visit has
    the same outcome).

    Args:
        p: probabilities; shape (rows,).
        n_draws: how many times outcomes are drawn.
        seed: of the draws.
        weights: example weights; shape (rows,).
        subjects: whose row it is (any values that can be sorted); shape (rows,).
        bins: as for ``ece``.
        share: of the quantile.

    Returns:
        The mean and the quantile (95 % if no ``share`` is given) over the draws.
    """
    order = np.argsort(as_floats(p), kind="stable")  # free of the order of rows
    predicted = as_floats(p)[order]
    weight = weights_or_ones(weights, len(predicted))[order]
    places = ece_bin(predicted, bins)
    starts = np.searchsorted(places, np.arange(bins), side="left")
    filled = starts < np.append(starts[1:], len(places))
    expected = np.add.reduceat(weight * predicted, starts[filled])
    if subjects is None:
        code, count = np.arange(len(predicted)), len(predicted)
    else:
        names, code = np.unique(np.asarray(subjects)[order], return_inverse=True)
        count = len(names)
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_draws)
    for i in range(n_draws):
        happened = weight * (rng.random(count)[code] < predicted)
        drawn[i] = np.abs(np.add.reduceat(happened, starts[filled]) - expected).sum()
    drawn /= weight.sum()
    return float(drawn.mean()), float(np.quantile(drawn, share))

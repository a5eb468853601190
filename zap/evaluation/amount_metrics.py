"""Numbers that say how good predicted mean amounts are, in numpy alone.

All take amounts ``y`` and predicted means ``p``, each of shape (rows,), and optional
example weights. A number that is not defined (all amounts equal) is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.target import LOG
from zap.encoding.columns import FloatArray
from zap.evaluation.ranking import Gains, Ranking, as_floats, weights_or_ones

_SMALLEST = float(np.finfo(np.float64).eps)


def rmse(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Root of the mean squared error."""
    squares = (as_floats(y) - as_floats(p)) ** 2
    return float(np.sqrt(_mean(squares, weights)))


def mae(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean absolute error."""
    return _mean(np.abs(as_floats(y) - as_floats(p)), weights)


def deviances(y: ArrayLike, p: ArrayLike, link: str) -> FloatArray:
    """What each row adds to the deviance; shape (rows,).

    Behind the log link it is Poisson's, 2 (y log(y / p) - (y - p)), with p kept off 0
    by 2.2e-16; NaN where an amount is below 0. Behind the identity link it is the
    squared error.
    """
    amounts, means = as_floats(y), as_floats(p)
    if link != LOG:
        return as_floats((amounts - means) ** 2)
    means = np.maximum(means, _SMALLEST)
    ratio = np.where(amounts > 0, amounts, means) / means
    each = 2 * (amounts * np.log(ratio) - (amounts - means))
    return as_floats(np.where(amounts >= 0, each, np.nan))


def deviance_explained(
    y: ArrayLike, p: ArrayLike, link: str, weights: ArrayLike | None = None
) -> float:
    """1 less the deviance over that of the constant mean: 0 is guessing, 1 perfect."""
    amounts = as_floats(y)
    worst = constant_deviances(amounts, link, weights)
    return 1 - _mean(deviances(amounts, p, link), weights) / _mean(worst, weights)


def constant_deviances(
    y: ArrayLike, link: str, weights: ArrayLike | None = None
) -> FloatArray:
    """What each row adds to the deviance of the constant mean; shape (rows,).

    NaN where there is nothing to explain: all amounts are equal. What rounding leaves
    of their deviance is no measure.
    """
    amounts = as_floats(y)
    if amounts.min() == amounts.max():
        return np.full(len(amounts), np.nan)
    constant = np.full(len(amounts), _mean(amounts, weights))
    if link == LOG and amounts.min() < 0:
        constant[:] = np.nan  # Poisson's deviance is not defined
    return deviances(amounts, constant, link)


def spearman(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Spearman's rank correlation; equal values share their mean rank."""
    columns = as_floats(y), as_floats(p)
    weight = weights_or_ones(weights, len(columns[0]))
    if any(column.min() == column.max() for column in columns):
        return float("nan")
    first, second = (_ranks(column, weight) for column in columns)
    first, second = first - _mean(first, weight), second - _mean(second, weight)
    spread = _mean(first**2, weight) * _mean(second**2, weight)
    if spread <= 0:
        return float("nan")
    return _mean(first * second, weight) / float(np.sqrt(spread))


def gini(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Normalised Gini: how far the order of ``p`` gathers value, over the best order.

    The area between the curve of value gathered from the highest prediction down and
    the diagonal, over the same area in the order of the amounts themselves. 1 is the
    perfect order, 0 none.
    """
    amounts = as_floats(y)
    weight = weights_or_ones(weights, len(amounts))
    return gini_of(
        Ranking.of(as_floats(p)), Ranking.of(amounts), amounts * weight, weight
    )


def gini_of(
    ranking: Ranking, best: Ranking, value: FloatArray, weight: FloatArray
) -> float:
    """``gini`` with the rankings made already, for draws that only change weights.

    Args:
        ranking: of the predictions.
        best: of the amounts.
        value: amount times weight; shape (rows,).
        weight: shape (rows,).
    """
    if not value.sum() > 0:
        return float("nan")
    most = _area(best, value, weight)
    return _area(ranking, value, weight) / most if most > 0 else float("nan")


def _area(ranking: Ranking, value: FloatArray, weight: FloatArray) -> float:
    """Between the curve of gathered value and the diagonal."""
    rows = np.append(0.0, np.cumsum(ranking.per_run(weight)))
    gathered = np.append(0.0, np.cumsum(ranking.per_run(value)))
    area = np.diff(rows) @ (gathered[1:] + gathered[:-1]) / 2
    return float(area / (rows[-1] * gathered[-1]) - 0.5)


def captured(
    y: ArrayLike, p: ArrayLike, share: float, weights: ArrayLike | None = None
) -> float:
    """Share of all value within the top ``share`` of predictions."""
    amounts = as_floats(y)
    weight = weights_or_ones(weights, len(amounts))
    gains = Gains.of(Ranking.of(as_floats(p)), amounts, weight)
    total = gains.values[-1]
    return float(gains.at(share) / total) if total > 0 else float("nan")


def _mean(values: FloatArray, weights: ArrayLike | None) -> float:
    return float(np.average(values, weights=weights_or_ones(weights, len(values))))


def _ranks(values: FloatArray, weight: FloatArray) -> FloatArray:
    """The mean rank of each row among all weight, from low to high."""
    _, run = np.unique(values, return_inverse=True)
    sizes = np.bincount(run, weight)
    return as_floats((np.cumsum(sizes) - sizes / 2)[run])

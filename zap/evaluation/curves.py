"""Calibration curve, segments, top shares and the distribution of predictions.

Each result is plain JSON, so that a chart, a table and ``metrics.json`` show the same
numbers. Rows with equal predictions are never told apart: a bucket of the calibration
curve ends with a whole run of equal predictions, and a segment that ends within a run
takes the same share of each of its rows. So nothing depends on the order of the rows.
Paper: sections 7 and 8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation.ranking import Gains, Ranking, as_floats, weights_or_ones

MIN_POSITIVES = 100
MAX_BUCKETS = 50
SEGMENT_NAMES = ("very high", "high", "medium", "low", "very low")
DISTRIBUTION_BINS = 40
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


def calibration_curve(
    y: ArrayLike,
    p: ArrayLike,
    weights: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
    min_positives: int = MIN_POSITIVES,
    max_buckets: int = MAX_BUCKETS,
) -> list[dict[str, Any]]:
    """Buckets of predictions from high to low, each with enough positives (section 7).

    A bucket closes as soon as it holds ``min_positives`` positive rows; what is left
    joins the last one. On large data the minimum is raised to keep the number of
    buckets under ``max_buckets``. With fewer positives in all there is one bucket.

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        p: probabilities of a positive; shape (rows,).
        weights: example weights; shape (rows,).
        subjects: whose row it is; shape (rows,). The rows of a subject hang together,
            so that the interval counts each subject of a bucket once, or as less
            than one where weights differ.
        min_positives: least positive rows in a bucket.
        max_buckets: most buckets.

    Returns:
        For each bucket n, positives, mean_prediction, positive_rate and the rate's
        95 % Wilson interval rate_low, rate_high.
    """
    outcomes, predicted = as_floats(y), as_floats(p)
    weight = weights_or_ones(weights, len(outcomes))
    ranking = Ranking.of(predicted)
    wanted = max(min_positives, math.ceil(outcomes.sum() / max_buckets))
    first = _bucket_starts(ranking.per_run(outcomes), wanted)
    starts = ranking.starts[first]
    sums = [
        np.add.reduceat(column[ranking.order], starts)
        for column in (
            np.ones(len(outcomes)),
            outcomes,
            weight,
            weight * outcomes,
            weight * predicted,
        )
    ]
    seen = sums[0] if subjects is None else _subjects_in(subjects, ranking, starts)
    # Rows of unequal weights say as much as fewer of equal ones (Kish).
    squares = np.add.reduceat((weight**2)[ranking.order], starts)
    seen = seen * (sums[2] ** 2 / (sums[0] * squares))
    return [
        _bucket(*(float(column[i]) for column in (*sums, seen)))
        for i in range(len(starts))
    ]


def _subjects_in(subjects: ArrayLike, ranking: Ranking, starts: IntArray) -> IntArray:
    """The number of different subjects in each bucket."""
    code = np.unique(np.asarray(subjects), return_inverse=True)[1][ranking.order]
    bucket = np.repeat(np.arange(len(starts)), np.diff([*starts, len(code)]))
    pairs = np.unique(bucket * (int(code.max()) + 1) + code)
    return np.bincount(pairs // (int(code.max()) + 1), minlength=len(starts))


def _bucket_starts(positives: FloatArray, wanted: int) -> list[int]:
    """The first run of each bucket, given the positives of each run."""
    gathered = np.cumsum(positives)
    starts = [0]
    while True:
        before = gathered[starts[-1] - 1] if starts[-1] else 0.0
        end = int(np.searchsorted(gathered, before + wanted, side="left")) + 1
        if end >= len(gathered) or gathered[-1] - gathered[end - 1] < wanted:
            return starts
        starts.append(end)


def _bucket(
    n: float,
    positives: float,
    weight: float,
    weighted: float,
    predicted: float,
    independent: float,
) -> dict[str, Any]:
    rate = weighted / weight
    low, high = wilson(rate, independent)
    return {
        "n": int(n),
        "positives": int(positives),
        "mean_prediction": predicted / weight,
        "positive_rate": rate,
        "rate_low": low,
        "rate_high": high,
    }


def wilson(rate: float, n: float) -> tuple[float, float]:
    """The 95 % Wilson interval of a share ``rate`` seen in ``n`` rows."""
    centre = (rate + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def segments(
    y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None
) -> list[dict[str, Any]]:
    """Five equal parts from the highest predictions to the lowest (section 8).

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        p: probabilities of a positive; shape (rows,).
        weights: example weights; shape (rows,). Parts are equal in weight.

    Returns:
        For each part its name, n, share_of_positives, positive_rate,
        mean_prediction, lowest_prediction and relative_odds: its positive rate over
        the rate of all rows. Without positives the last and the share are NaN.
    """
    outcomes, predicted = as_floats(y), as_floats(p)
    weight = weights_or_ones(weights, len(outcomes))
    ranking = Ranking.of(predicted)
    cuts = np.linspace(0, 1, len(SEGMENT_NAMES) + 1)
    part = weight.sum() / len(SEGMENT_NAMES)
    positives = np.diff(Gains.of(ranking, outcomes, weight).at(cuts))
    means = np.diff(Gains.of(ranking, predicted, weight).at(cuts)) / part
    one_row = 1 / np.where(weight > 0, weight, 1)  # times its weight: a row is 1
    rows = np.diff(np.rint(Gains.of(ranking, one_row, weight).at(cuts)))
    lowest = _lowest(ranking, predicted, weight, part * np.arange(1, len(cuts)))
    overall = positives.sum()
    with np.errstate(invalid="ignore"):
        shares = positives / overall
    return [
        {
            "name": name,
            "n": int(rows[i]),
            "positive_rate": float(positives[i] / part),
            "mean_prediction": float(means[i]),
            "lowest_prediction": float(lowest[i]),
            "relative_odds": float(shares[i] * len(SEGMENT_NAMES)),
            "share_of_positives": float(shares[i]),
        }
        for i, name in enumerate(SEGMENT_NAMES)
    ]


def _lowest(
    ranking: Ranking, predicted: FloatArray, weight: FloatArray, until: FloatArray
) -> FloatArray:
    """The prediction at which each part ends, given its weight and that above it."""
    gathered = np.cumsum(ranking.per_run(weight))
    runs = np.searchsorted(gathered, until * (1 - 1e-12))
    ranked = predicted[ranking.order][ranking.starts]
    return as_floats(ranked[np.minimum(runs, len(ranked) - 1)])


def top_rate(
    y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None, share: float = 0.1
) -> float:
    """Positive rate within the top ``share`` of predictions (section 9: 10 %)."""
    gains = _gains(y, p, weights)
    return float(gains.at(share) / (share * gains.weight[-1]))


def capture(
    y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None, share: float = 0.2
) -> float:
    """Share of all positives within the top ``share`` of predictions (section 10)."""
    gains = _gains(y, p, weights)
    if gains.values[-1] == 0:
        return float("nan")
    return float(gains.at(share) / gains.values[-1])


def _gains(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None) -> Gains:
    outcomes = as_floats(y)
    weight = weights_or_ones(weights, len(outcomes))
    return Gains.of(Ranking.of(as_floats(p)), outcomes, weight)


def distribution(
    y: ArrayLike, p: ArrayLike, bins: int = DISTRIBUTION_BINS
) -> dict[str, Any]:
    """How the predictions of positive and negative rows are spread.

    Args:
        y: outcomes, 0 or 1; shape (rows,).
        p: probabilities of a positive; shape (rows,).
        bins: number of bins of equal width, from 0 to a round number at or above all
            but half a percent of the predictions, so that rare high ones don't squeeze
            the others into one bar; the last bin also holds those beyond.

    Returns:
        edges (bins + 1), counts of positives and negatives (bins each), the count
        beyond the last edge, the mean of the predictions and their quantiles by
        percent.
    """
    outcomes, predicted = as_floats(y), as_floats(p)
    high = float(np.quantile(predicted, 0.995))
    top = next(width for width in _WIDTHS if width >= high)
    edges = np.linspace(0, top, bins + 1)
    shown = np.minimum(predicted, top)
    return {
        "edges": edges.tolist(),
        "positives": np.histogram(shown[outcomes == 1], edges)[0].tolist(),
        "negatives": np.histogram(shown[outcomes == 0], edges)[0].tolist(),
        "beyond": int((predicted > top).sum()),
        "mean": float(predicted.mean()),
        "quantiles": {
            f"{100 * q:g}": float(np.quantile(predicted, q)) for q in QUANTILES
        },
    }

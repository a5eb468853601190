"""Calibration curve and segments of amounts, with intervals by subject.

As for probabilities, rows with equal predictions are never told apart: they share a
bucket, and a segment that ends within them takes the same share of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation import curves
from zap.evaluation.bootstrap import SubjectDraws, interval
from zap.evaluation.ranking import Ranking, as_floats

BUCKETS = 10


def calibration_curve(
    y: FloatArray,
    p: FloatArray,
    weight: FloatArray,
    drawn: SubjectDraws,
    subject: IntArray,
    buckets: int = BUCKETS,
) -> list[dict[str, Any]]:
    """Buckets of equal weight by prediction, from high to low.

    Args:
        y: amounts; shape (rows,).
        p: predicted means; shape (rows,).
        weight: example weights; shape (rows,).
        drawn: the bootstrap draws of the subjects.
        subject: the subject of each row, as a number; shape (rows,).
        buckets: how many there are, where the predictions differ enough.

    Returns:
        For each bucket n, mean_prediction, mean_observed and the interval of the
        latter, observed_low and observed_high, from draws of whole subjects.
    """
    place = bucket_of(p, weight, buckets)
    means = np.stack([_means(place, y, weight * times[subject]) for times in drawn])
    observed, predicted = _means(place, y, weight), _means(place, p, weight)
    counts = np.bincount(place)
    found = []
    for i in np.flatnonzero(counts):
        low, high = interval(means[:, i])
        found.append(
            {
                "n": int(counts[i]),
                "mean_prediction": float(predicted[i]),
                "mean_observed": float(observed[i]),
                "observed_low": low,
                "observed_high": high,
            }
        )
    return found


def bucket_of(p: FloatArray, weight: FloatArray, buckets: int) -> IntArray:
    """The bucket of each row; the middle of a run of equal predictions decides."""
    ranking = Ranking.of(p)
    runs = ranking.per_run(weight)
    middle = (np.cumsum(runs) - runs / 2) / weight.sum()
    of_run = np.minimum((middle * buckets).astype(np.int64), buckets - 1)
    lengths = np.diff(np.append(ranking.starts, len(p)))
    place = np.empty(len(p), np.int64)
    place[ranking.order] = np.repeat(of_run, lengths)
    return place


def _means(place: IntArray, values: FloatArray, weight: FloatArray) -> FloatArray:
    """The weighted mean of each bucket; NaN where none of its rows was drawn."""
    size = int(place.max()) + 1
    total = np.bincount(place, weight, minlength=size)
    summed = np.bincount(place, weight * values, minlength=size)
    blank = np.full(size, np.nan)
    return as_floats(np.divide(summed, total, out=blank, where=total > 0))


def segments(y: ArrayLike, p: ArrayLike, weight: ArrayLike) -> list[dict[str, Any]]:
    """Five equal parts from the highest predictions to the lowest.

    Returns:
        For each part its name, n, mean_observed, mean_prediction, lowest_prediction,
        relative_value (its mean over that of all rows) and share_of_value.
    """
    return [
        {
            "name": part["name"],
            "n": part["n"],
            "mean_observed": part["positive_rate"],
            "mean_prediction": part["mean_prediction"],
            "lowest_prediction": part["lowest_prediction"],
            "relative_value": part["relative_odds"],
            "share_of_value": part["share_of_positives"],
        }
        for part in curves.segments(y, p, weight)
    ]

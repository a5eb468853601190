"""Numbers that say how good the probabilities of K classes are, in numpy alone.

All take the numbers of the classes that happened ``y``, shape (rows,), probabilities
``p``, shape (rows, K), and optional example weights. The class that a model names is
that of its highest probability, the first of equals. Paper: section 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zap.encoding.columns import FloatArray
from zap.evaluation import metrics
from zap.evaluation.ranking import as_floats, weights_or_ones

_SMALLEST = float(np.finfo(np.float64).eps)


def log_loss(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean negative log likelihood in nats; p is kept off 0 by 2.2e-16."""
    number, shares = np.asarray(y, np.int64), as_floats(p)
    own = np.clip(shares[np.arange(len(number)), number], _SMALLEST, 1)
    return float(np.average(-np.log(own), weights=weights_or_ones(weights, len(own))))


def right(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """1 where the class with the highest probability happened, else 0; (rows,)."""
    return as_floats(np.argmax(as_floats(p), axis=1) == np.asarray(y, np.int64))


def accuracy(y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Share of rows whose class is the one with the highest probability."""
    hit = right(y, p)
    return float(np.average(hit, weights=weights_or_ones(weights, len(hit))))


def confidence(p: ArrayLike) -> FloatArray:
    """The highest probability of each row; shape (rows,)."""
    return as_floats(as_floats(p).max(axis=1))


def confidence_ece(
    y: ArrayLike, p: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Expected calibration error in the paper's own form (equations 5 to 7).

    Rows are put into 15 bins by their confidence, the highest probability; in each bin
    the share of rows that were right is held against the mean confidence.
    """
    return metrics.ece(right(y, p), confidence(p), weights)


def confusion(y: ArrayLike, p: ArrayLike) -> list[list[int]]:
    """Counts of rows: what happened (rows of the table) by what was named (columns)."""
    shares = as_floats(p)
    size = shares.shape[1]
    pairs = np.asarray(y, np.int64) * size + np.argmax(shares, axis=1)
    counts: list[list[int]] = (
        np.bincount(pairs, minlength=size * size).reshape(size, size).tolist()
    )
    return counts

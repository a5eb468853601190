"""What is to be expected of predictions whose outcomes are not known yet.

A calibrated probability says of itself how often it will come true, so the sum of them
is the number of positives to expect, and drawing outcomes from them says how far chance
may take it. It holds as far as the calibration does: that of the matured predictions
stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zap.bundles.target import AMOUNT, CLASSES, Target
from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation import metrics
from zap.evaluation.bootstrap import interval
from zap.evaluation.evaluate import without_nan

DRAWS = 1000


def expect(
    p: FloatArray, subjects: IntArray, target: Target, seed: int = 0
) -> dict[str, Any]:
    """What predictions say of their own outcomes.

    Args:
        p: float64, shape (rows,), of classes (rows, K).
        subjects: int64, shape (rows,): whose row it is.
        target: what the predictions are of.
        seed: of the draws.

    Returns:
        n, subjects and expected: of a yes or no the number of positives, with the range
        that 95 of 100 draws give (expected_low, expected_high) where all rows of a
        subject share their luck, base_rate, and the auc that they would have if they
        were right; of classes the number of each, and their names as ``classes``; of
        amounts the total. None where there are no rows.
    """
    found: dict[str, Any] = {"n": len(p), "subjects": len(np.unique(subjects))}
    if not len(p):
        return {**found, "expected": None}
    if target.kind == AMOUNT:
        return {**found, "expected": float(p.sum())}
    if target.kind == CLASSES:
        names = list(target.classes)
        return {**found, "expected": p.sum(axis=0).tolist(), "classes": names}
    low, high = expected_range(p, subjects, seed)
    return dict(
        without_nan(
            {
                **found,
                "expected": float(p.sum()),
                "expected_low": low,
                "expected_high": high,
                "base_rate": float(p.mean()),
                "auc": metrics.auc(p, p),
            }
        )
    )


def expected_range(
    p: FloatArray, subjects: IntArray, seed: int = 0
) -> tuple[float, float]:
    """Between which numbers of positives 95 of 100 draws lie.

    Rows of a subject share one draw, u < p: the widest that the range gets.
    """
    order = np.argsort(p, kind="stable")  # free of the order of rows
    predicted = p[order]
    names, code = np.unique(subjects[order], return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [(rng.random(len(names))[code] < predicted).sum() for _ in range(DRAWS)],
        np.float64,
    )
    return interval(drawn)

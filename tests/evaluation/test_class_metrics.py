"""Numbers about classes against scikit-learn and plain loops."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from zap.evaluation import class_metrics as ours


def made(rows=400, seed=0, size=3):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(size), rows)
    y = (rng.random((rows, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    return y, p, rng.integers(1, 4, rows)


def test_log_loss_accuracy_and_confusion_equal_scikit_learn():
    y, p, weight = made()
    named = p.argmax(axis=1)
    assert ours.log_loss(y, p) == pytest.approx(theirs.log_loss(y, p))
    assert ours.log_loss(y, p, weight) == pytest.approx(
        theirs.log_loss(y, p, sample_weight=weight)
    )
    assert ours.accuracy(y, p, weight) == pytest.approx(
        theirs.accuracy_score(y, named, sample_weight=weight)
    )
    assert ours.confusion(y, p) == theirs.confusion_matrix(y, named).tolist()


def test_a_class_that_was_held_impossible_costs_much_and_not_infinity():
    assert 30 < ours.log_loss([0], [[0.0, 1.0]]) < 40


def test_the_error_of_the_confidence_equals_the_paper_s_loop():
    y, p, weight = made()
    total = 0.0
    for m in range(1, 16):
        low = (m - 1) / 15 if m > 1 else -1.0
        rows = [i for i in range(len(y)) if low < p[i].max() <= m / 15]
        right = sum(weight[i] * (p[i].argmax() == y[i]) for i in rows)
        total += abs(right - sum(weight[i] * p[i].max() for i in rows))
    expected = total / weight.sum()
    assert ours.confidence_ece(y, p, weight) == pytest.approx(expected)


def test_true_probabilities_err_little_and_overconfident_ones_much():
    y, p, _ = made(20_000)
    sharp = p**4 / (p**4).sum(axis=1, keepdims=True)
    assert ours.confidence_ece(y, p) < 0.015 < 0.15 < ours.confidence_ece(y, sharp)

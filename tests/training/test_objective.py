"""What a search minimises, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_poisson_deviance

from zap.bundles.target import Target
from zap.training.objective import calibrated, row_losses

RNG = np.random.default_rng(0)
N = 2000
Z = RNG.normal(size=N)
Y = (RNG.random(N) < 1 / (1 + np.exp(-Z))).astype(np.float32)


def test_a_yes_or_no_is_judged_as_logistic_regression_on_the_logits() -> None:
    logits = np.column_stack([-Z, 2 * Z + 1]).astype(np.float32)
    p = calibrated(Target(), logits, Y)
    plain = LogisticRegression(C=np.inf).fit(Z[:, None], Y)
    expected = log_loss(Y, plain.predict_proba(Z[:, None]))
    assert row_losses(Target(), Y, p).mean() == pytest.approx(expected, rel=1e-4)


def test_a_weight_of_positives_changes_nothing() -> None:
    losses = []
    for weight in (1.0, 7.0):
        logits = np.column_stack([0 * Z, Z + np.log(weight)])
        losses.append(row_losses(Target(), Y, calibrated(Target(), logits, Y)))
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_classes_have_the_log_loss_of_the_calibrated_shares() -> None:
    target = Target("classes", ("a", "b", "c"))
    logits = RNG.normal(size=(N, 3))
    y = (logits + RNG.gumbel(size=(N, 3))).argmax(axis=1)
    p = calibrated(target, 3 * logits, y)
    assert row_losses(target, y, p).mean() == pytest.approx(log_loss(y, p))
    assert row_losses(target, y, p).mean() < log_loss(y, _softmax(3 * logits)) - 0.1


def test_amounts_have_the_deviance_of_the_calibrated_means() -> None:
    target = Target("amount", link="log", scale=2.0)
    y = RNG.poisson(2 * np.exp(0.5 * Z)).astype(float)
    p = calibrated(target, Z[:, None], y)
    losses = row_losses(target, y, p)
    assert losses.mean() == pytest.approx(mean_poisson_deviance(y, p))
    np.testing.assert_allclose(p, 2 * np.exp(0.5 * Z), rtol=0.2)


def test_what_cannot_be_calibrated_is_left_as_it_is() -> None:
    logits = np.column_stack([0 * Z, Z])
    p = calibrated(Target(), logits, np.zeros(N))
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-Z)), rtol=1e-6)


def test_the_calibration_that_is_judged_counts_weights() -> None:
    """As that of a bundle does: then the weighted means agree."""
    weights = RNG.uniform(0.2, 5, N)
    for target in (Target(), Target("amount", link="identity")):
        logits = np.column_stack([Z, 2 * Z])[:, : target.outputs]
        p = calibrated(target, logits, Y, weights)
        assert np.average(p, weights=weights) == pytest.approx(
            np.average(Y, weights=weights), abs=1e-6
        )


def _softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

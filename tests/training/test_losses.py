"""Losses against formulas written out in numpy, and what they are lowest for."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from sklearn.metrics import mean_poisson_deviance

from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import Target
from zap.training.backend import tf
from zap.training.losses import loss_of, unweighted_loss_of

RNG = np.random.default_rng(0)


def losses(target: Target, logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    found = loss_of(target)(tf.constant(logits, tf.float32), tf.constant(label))
    return np.asarray(found.numpy())


def test_classes_have_the_softmax_cross_entropy() -> None:
    z = RNG.normal(size=(50, 4))
    y = RNG.integers(0, 4, 50).astype(np.int32)
    expected = [
        -z[i, y[i]] + np.log(sum(np.exp(z[i, k]) for k in range(4))) for i in range(50)
    ]
    found = losses(Target("classes", tuple("abcd")), z, y)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_two_classes_have_the_loss_of_a_yes_or_no() -> None:
    z = RNG.normal(size=(50, 2))
    y = RNG.integers(0, 2, 50).astype(np.int32)
    one, two = losses(Target("classes", ("n", "y")), z, y), losses(Target(), z, y)
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_amounts_behind_the_logarithm_have_half_the_poisson_deviance() -> None:
    target = Target("amount", link="log", scale=30.0, dispersion=5.0)
    z = RNG.normal(size=(50, 1))
    y = np.where(RNG.random(50) < 0.5, 0, RNG.gamma(1, 60, 50)).astype(np.float32)
    expected = mean_poisson_deviance(y / 30, np.exp(z[:, 0])) / 2 / 5
    found = losses(target, z, y)
    assert found.mean() == pytest.approx(expected, rel=1e-5)
    assert (found >= -1e-6).all()


def test_amounts_behind_no_logarithm_have_half_the_squared_error() -> None:
    target = Target("amount", link="identity", centre=10.0, scale=4.0)
    z, y = RNG.normal(size=(50, 1)), RNG.normal(10, 4, 50).astype(np.float32)
    expected = ((y - 10) / 4 - z[:, 0]) ** 2 / 2
    np.testing.assert_allclose(losses(target, z, y), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("link", ["log", "identity"])
def test_the_best_constant_is_the_mean(link: str) -> None:
    """Proper for the mean: no other constant has a lower loss."""
    y = RNG.pareto(1.5, 4000).astype(np.float32)
    target = Target("amount", link=link, scale=2.0)
    scaling = MeanScaling(link, 2.0)
    grid = np.linspace(-2, 3, 2001)
    means = np.array(
        [losses(target, np.full((len(y), 1), z), y).mean(dtype=float) for z in grid]
    )
    best = scaling.apply([[grid[means.argmin()]]])[0]
    assert best == pytest.approx(y.mean(dtype=float), rel=0.01)


@pytest.mark.parametrize("weight", [0.25, 1.0, 6.0])
def test_a_weight_taken_out_leaves_the_loss_of_the_true_odds(weight: float) -> None:
    p = RNG.uniform(0.05, 0.95, 50)
    odds = weight * p / (1 - p)  # what a model learns whose positives count so much
    z = np.column_stack([RNG.normal(size=50), np.zeros(50)])
    z[:, 1] = z[:, 0] + np.log(odds)
    y = RNG.integers(0, 2, 50).astype(np.int32)
    loss = unweighted_loss_of(Target(), weight)
    found = loss(tf.constant(z, tf.float32), tf.constant(y)).numpy()
    np.testing.assert_allclose(found, -np.log(np.where(y, p, 1 - p)), rtol=1e-4)

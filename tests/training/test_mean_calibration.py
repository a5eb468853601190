"""Recalibration of means against scikit-learn, and which calibration a kind has."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from sklearn.linear_model import LinearRegression, PoissonRegressor

from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import Target
from zap.training.calibrations import calibrate_target
from zap.training.mean_calibration import calibrate_means, fit_mean_scaling


def spent(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs that are too spread and too high, and heavy-tailed amounts."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, (n, 1))
    mean = 20 * np.exp(0.6 * z[:, 0] - 0.4)
    return z, np.where(rng.random(n) < 0.4, mean / 0.4 * rng.exponential(1, n), 0)


def test_means_equal_an_unpenalised_poisson_regression() -> None:
    z, y = spent()
    scaling = fit_mean_scaling(MeanScaling("log", 20.0), z, y)
    assert scaling is not None
    oracle = PoissonRegressor(alpha=0, tol=1e-10, max_iter=10_000).fit(z, y / 20)
    assert scaling.slope == pytest.approx(oracle.coef_[0], abs=1e-4)
    assert scaling.offset == pytest.approx(oracle.intercept_, abs=1e-4)
    assert scaling.apply(z).sum() == pytest.approx(y.sum(), rel=1e-5)


def test_means_without_a_logarithm_equal_least_squares() -> None:
    z, y = spent()
    plain = MeanScaling("identity", 7.0, centre=3.0)
    scaling = fit_mean_scaling(plain, z, y - 10)
    assert scaling is not None
    expected = LinearRegression().fit(z, y - 10).predict(z)
    np.testing.assert_allclose(scaling.apply(z), expected, rtol=1e-9)
    assert (scaling.scale, scaling.centre) == (7.0, 3.0)


def test_means_without_a_minimum_are_left() -> None:
    z, y = spent(50)
    plain = MeanScaling("log", 20.0)
    assert fit_mean_scaling(plain, z, 0 * y) is None
    assert fit_mean_scaling(plain, z, y - 1) is None
    assert fit_mean_scaling(plain, z[:0], y[:0]) is None
    left = calibrate_means(plain, z, 0 * y, z, y)
    assert left.scaling == plain and "no amount above 0" in left.reason


def test_means_are_kept_or_left_by_the_other_half() -> None:
    z, y = spent(6000)
    plain = MeanScaling("log", 20.0)
    kept = calibrate_means(plain, z[:3000], y[:3000], z[3000:], y[3000:])
    assert kept.kept
    assert kept.measures["deviance_after"] < kept.measures["deviance_before"]
    right = MeanScaling("log", 20.0, slope=1.0, offset=0.0)
    true = 0.6 * z - 0.4
    often = [
        calibrate_means(right, true[i::20], y[i::20], true[i + 1 :: 20], y[i + 1 :: 20])
        for i in range(0, 19)
    ]
    assert sum(one.kept for one in often) <= 6


def test_each_kind_has_its_calibration() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(400, 3)), rng.integers(0, 3, 400)
    target = Target("classes", ("a", "b", "c"))
    classes = calibrate_target(target, z[:200], y[:200], z[200:], y[200:])
    assert isinstance(classes.scaling, ClassScaling)
    outputs, amounts = spent(400)
    halves = (outputs[:200], amounts[:200], outputs[200:], amounts[200:])
    target = Target("amount", link="log", scale=20.0)
    means = calibrate_target(target, *halves)
    assert isinstance(means.scaling, MeanScaling)
    assert means.scaling.link == "log" and means.scaling.scale == 20.0


@pytest.mark.parametrize("link", ["log", "identity"])
def test_weights_count_as_copies_of_the_examples(link: str) -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(600, 1))
    y = rng.poisson(np.exp(0.5 * z[:, 0])).astype(float)
    copies = rng.integers(1, 5, 600)
    rows = np.repeat(np.arange(600), copies)
    weighted = fit_mean_scaling(MeanScaling(link), z, y, 0.5 * copies)
    copied = fit_mean_scaling(MeanScaling(link), z[rows], y[rows])
    assert weighted is not None and copied is not None
    np.testing.assert_allclose(weighted.apply(z), copied.apply(z), atol=1e-5)

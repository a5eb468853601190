"""Matrix scaling of classes against scikit-learn and the properties of its minimum."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from sklearn.linear_model import LogisticRegression

from zap.bundles.class_scaling import ClassScaling
from zap.training.class_calibration import (
    MOST_CLASSES,
    calibrate_classes,
    fit_class_scaling,
)

NAMES = ("a", "b", "c", "d")


def made(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of four classes that are too sure and shifted, and what happened."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4)) * [2.0, 1.0, 1.5, 1.0]
    true = 0.4 * z + 0.2 * np.roll(z, 1, axis=1) + [0.5, -0.3, 0.0, -0.8]
    p = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    return z, (rng.random((n, 1)) > np.cumsum(p, axis=1)).sum(axis=1)


def test_equals_an_unpenalised_multinomial_regression() -> None:
    z, y = made()
    scaling = fit_class_scaling(z, y, NAMES)
    assert scaling is not None
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(z, y)
    np.testing.assert_allclose(scaling.apply(z), oracle.predict_proba(z), atol=1e-5)


def test_the_gradient_vanishes_and_the_means_are_the_base_rates() -> None:
    z, y = made(1500, seed=3)
    scaling = fit_class_scaling(z, y, NAMES)
    assert scaling is not None
    off = scaling.apply(z) - np.eye(4)[y]
    gradient = off.T @ np.column_stack([z, np.ones(len(z))]) / len(z)
    assert np.linalg.norm(gradient) <= 1e-6
    np.testing.assert_allclose(
        scaling.apply(z).mean(axis=0), np.bincount(y) / len(y), atol=1e-6
    )
    total = np.sum(scaling.weights, axis=0)  # as descent from W = I would leave it
    np.testing.assert_allclose(total, np.ones(4), atol=1e-9)


def test_dependent_logits_have_a_scaling_too() -> None:
    """The usual case: the logits of a row nearly sum to a constant."""
    z, y = made(1500)
    z = z - z.mean(axis=1, keepdims=True)
    scaling = fit_class_scaling(z, y, NAMES)
    assert scaling is not None
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(z, y)
    np.testing.assert_allclose(scaling.apply(z), oracle.predict_proba(z), atol=1e-5)


def test_no_minimum_no_scaling() -> None:
    z, y = made(300)
    assert fit_class_scaling(z, np.minimum(y, 2), NAMES) is None  # no d
    assert fit_class_scaling(np.eye(4)[y] * 5, y, NAMES) is None
    apart = np.where(y[:, None] == 1, [0, 9.0, 0, 0], z * [1, 0, 1, 1])
    assert fit_class_scaling(apart, y, NAMES) is None  # b alone is told for certain
    many = tuple(map(str, range(MOST_CLASSES + 1)))
    rows = np.random.default_rng(0).normal(size=(200, len(many)))
    assert fit_class_scaling(rows, np.arange(200) % len(many), many) is None


def test_kept_if_the_other_half_improves() -> None:
    z, y = made()
    found = calibrate_classes(NAMES, z[:2000], y[:2000], z[2000:], y[2000:])
    assert found.kept and not found.scaling.is_identity
    assert found.measures["log_loss_after"] < found.measures["log_loss_before"]
    assert (found.fitted_on, found.judged_on) == (2000, 2000)
    assert found.to_dict()["scaling"]["kind"] == "class_matrix_scaling"


def test_the_plain_softmax_if_it_does_not() -> None:
    z, y = made()
    wrong = calibrate_classes(NAMES, z[:2000], (y[:2000] + 1) % 4, z[2000:], y[2000:])
    assert not wrong.kept and wrong.scaling == ClassScaling.identity(NAMES)
    assert wrong.measures["log_loss_after"] > wrong.measures["log_loss_before"]
    missing = calibrate_classes(NAMES, z, np.zeros(len(y)), z, y)
    assert "a class is missing" in missing.reason and not missing.kept


def test_weights_count_as_copies_of_the_examples() -> None:
    z, y = made()
    z, y = z[:600], y[:600]
    copies = np.random.default_rng(1).integers(1, 5, 600)
    rows = np.repeat(np.arange(600), copies)
    weighted = fit_class_scaling(z, y, NAMES, 0.5 * copies)
    copied = fit_class_scaling(z[rows], y[rows], NAMES)
    assert weighted is not None and copied is not None
    np.testing.assert_allclose(weighted.apply(z), copied.apply(z), atol=1e-5)

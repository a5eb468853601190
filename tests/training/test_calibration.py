"""Matrix scaling against scikit-learn and against the properties of its minimum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.calibrator import MatrixScaling
from zap.datasets.visits import Visits
from zap.errors import TrainingError
from zap.training.calibration import (
    calibrate,
    clearly_lower,
    fit_matrix_scaling,
    halves,
)


def made(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too sure and shifted, and outcomes."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2)) @ np.array([[2.0, -1.5], [0.3, 0.5]]) + [0.5, -0.2]
    p = 1 / (1 + np.exp(-(0.4 * z[:, 1] - 0.7 * z[:, 0] - 0.8)))
    return z, (rng.random(n) < p).astype(float)


def gradient_norm(scaling: MatrixScaling, z: np.ndarray, y: np.ndarray) -> float:
    """Norm of the gradient of the mean loss by all six numbers."""
    p = scaling.apply(z)
    off = np.column_stack([(1 - p) - (1 - y), p - y])
    inputs = np.column_stack([z, np.ones(len(z))])
    return float(np.linalg.norm(off.T @ inputs / len(z)))


def test_equals_an_unpenalised_logistic_regression() -> None:
    z, y = made()
    scaling = fit_matrix_scaling(z, y)
    assert scaling is not None
    linear_model = pytest.importorskip(
        "sklearn.linear_model", reason="needs extra: dev"
    )
    oracle = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    expected = oracle.fit(z, y).predict_proba(z)[:, 1]
    np.testing.assert_allclose(scaling.apply(z), expected, atol=1e-5)
    assert gradient_norm(scaling, z, y) <= 1e-6
    assert abs(scaling.apply(z).mean() - y.mean()) < 1e-6


def test_the_rows_keep_the_mean_of_the_identity() -> None:
    """As gradient descent from W = I would leave them: it moves rows oppositely."""
    z, y = made(500)
    scaling = fit_matrix_scaling(z, y)
    assert scaling is not None
    total = np.sum(scaling.weights, axis=0)
    np.testing.assert_allclose(total, [1.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(np.sum(scaling.bias), 0.0, atol=1e-12)


def test_opposite_logits_have_a_scaling_too() -> None:
    """The usual case: only the difference of the logits says anything."""
    z, y = made(1000)
    z = np.column_stack([-z[:, 0], z[:, 0]])
    scaling = fit_matrix_scaling(z, y)
    assert scaling is not None
    assert gradient_norm(scaling, z, y) <= 1e-6


def test_no_minimum_no_scaling() -> None:
    z = np.column_stack([-np.arange(-5.0, 5.0), np.arange(-5.0, 5.0)])
    assert fit_matrix_scaling(z, z[:, 1] > 0) is None
    assert fit_matrix_scaling(z, np.zeros(10)) is None


def test_kept_if_the_other_half_improves() -> None:
    z, y = made()
    calibration = calibrate(z[:2000], y[:2000], z[2000:], y[2000:])
    assert calibration.kept and not calibration.scaling.is_identity
    assert calibration.log_loss_after < calibration.log_loss_before
    assert calibration.ece_after < calibration.ece_before
    assert None not in (calibration.auc_before, calibration.auc_after)
    assert (calibration.fitted_on, calibration.judged_on) == (2000, 2000)


def test_identity_if_it_does_not() -> None:
    z, y = made()
    calibration = calibrate(z[:2000], 1 - y[:2000], z[2000:], y[2000:])
    assert calibration.scaling.is_identity and not calibration.kept
    assert calibration.log_loss_after > calibration.log_loss_before
    one_class = calibrate(z, np.zeros(len(y)), z, y)
    assert one_class.scaling.is_identity and "one class" in one_class.reason


def test_identity_if_the_gain_is_within_its_error() -> None:
    """Logits that are right already: half of such fits gain a little by chance."""
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        margin = rng.normal(0, 1.5, 1000)
        y = (rng.random(1000) < 1 / (1 + np.exp(-margin))).astype(float)
        z = np.column_stack([-margin / 2, margin / 2])
        kept += calibrate(z[:500], y[:500], z[500:], y[500:]).kept
    assert kept <= 6


def test_rows_of_a_subject_are_no_evidence_of_their_own() -> None:
    """Logits that are right already, of subjects whose rows share their luck."""
    kept = {"rows": 0, "subjects": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        margin = np.repeat(rng.normal(-1, 1.2, 80), 25) + rng.normal(0, 0.2, 2000)
        luck = np.repeat(rng.random(80), 25)
        y = (luck < 1 / (1 + np.exp(-margin))).astype(float)
        z = np.column_stack([-margin / 2, margin / 2])
        halves = z[:1000], y[:1000], z[1000:], y[1000:]
        subjects = np.repeat(np.arange(40), 25)
        kept["rows"] += calibrate(*halves).kept
        kept["subjects"] += calibrate(*halves, judge_subjects=subjects).kept
    assert kept["subjects"] <= 9 < kept["rows"]


def test_the_error_of_a_gain_is_that_of_the_subjects_sums() -> None:
    """Copies of a row, named as one subject, change nothing."""
    rng = np.random.default_rng(0)
    decided = set()
    for shift in np.linspace(-0.1, 0.3, 41):
        before, after = rng.random(50) + shift, rng.random(50)
        again = np.repeat(np.arange(50), 4)
        alone = clearly_lower(before, after)
        assert clearly_lower(before[again], after[again], None, again) == alone
        assert clearly_lower(before, after, np.full(50, 3.0), np.arange(50)) == alone
        decided.add(alone)
    assert decided == {True, False}


def test_a_gain_of_one_subject_alone_is_never_clear() -> None:
    """Its deviation from itself is 0, and says nothing of others."""
    before, after = np.array([0.9, 0.8, 0.7]), np.array([0.5, 0.6, 0.1])
    assert not clearly_lower(before, after, None, np.zeros(3))
    assert not clearly_lower(before[:1], after[:1])
    assert clearly_lower(before, after)


def test_judging_half_of_one_class() -> None:
    z, y = made(200)
    calibration = calibrate(z, y, z[:5], np.zeros(5))
    assert calibration.auc_before is None


def test_halves_share_no_subject(make_visits: Callable[..., Visits]) -> None:
    visits = make_visits(200)
    first, second = halves(visits)
    assert len(first) + len(second) == 200
    assert 60 < len(first) < 140
    assert not set(first.subject_hash) & set(second.subject_hash)


@pytest.mark.parametrize("seed", range(5))
def test_two_subjects_are_enough(make_visits: Callable[..., Visits], seed: int) -> None:
    first, second = halves(make_visits(2, seed=seed))
    assert (len(first), len(second)) == (1, 1)
    with pytest.raises(TrainingError, match="at least 2 validation subjects"):
        halves(make_visits(1, seed=seed))


def test_weights_count_as_copies_of_the_examples() -> None:
    z, y = made(600)
    copies = np.random.default_rng(1).integers(1, 5, 600)
    rows = np.repeat(np.arange(600), copies)
    weighted = fit_matrix_scaling(z, y, 0.5 * copies)
    copied = fit_matrix_scaling(z[rows], y[rows])
    assert weighted is not None and copied is not None
    np.testing.assert_allclose(weighted.apply(z), copied.apply(z), atol=1e-6)


def test_what_weights_repair_stays_repaired() -> None:
    """One page view of each session is drawn, and weighs the session's length.

    Whether another one follows is as likely at each view; of the drawn ones, which are
    of short sessions too often, the share is lower.
    """
    rng = np.random.default_rng(1)
    length = rng.geometric(0.25, 8000)
    y = (rng.integers(1, length + 1) < length).astype(float)
    margin = np.log(3) + rng.normal(0, 0.05, 8000)
    z = np.column_stack([-margin / 2, margin / 2])
    weight = length.astype(float)
    found = calibrate(
        z[:4000], y[:4000], z[4000:], y[4000:], weight[:4000], weight[4000:]
    )
    predicted = np.average(found.scaling.apply(z), weights=weight)
    assert y.mean() < 0.6
    assert predicted == pytest.approx(0.75, abs=0.02)
    assert found.ece_after is not None and found.ece_after < 0.03

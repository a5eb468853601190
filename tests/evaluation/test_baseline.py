"""The simple baseline against scikit-learn's logistic regression."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from zap.errors import TrainingError
from zap.evaluation.baseline import Baseline, fit_baseline
from zap.evaluation.metrics import auc


def made(rows=600, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "wait_seconds": rng.exponential(1e5, rows).astype(np.float32),
        "events": rng.integers(1, 40, rows).astype(np.float32),
        "age_seconds": rng.exponential(1e6, rows).astype(np.float32),
    }
    logit = np.log1p(columns["events"]) - 0.4 * np.log1p(columns["wait_seconds"]) + 2
    return columns, (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)


def test_predictions_equal_those_of_scikit_learn():
    columns, y = made()
    logs = np.log1p(np.column_stack([columns[name] for name in sorted(columns)]))
    oracle = make_pipeline(
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000),
    ).fit(logs.astype(float), y)
    expected = oracle.predict_proba(logs.astype(float))[:, 1]
    ours = fit_baseline(columns, y).predict(columns)
    np.testing.assert_allclose(ours, expected, atol=2e-4)


def test_weights_equal_repeated_rows():
    columns, y = made(200)
    repeated = np.concatenate([np.arange(200)] * 3)
    tripled = {name: column[repeated] for name, column in columns.items()}
    one = fit_baseline(columns, y, np.full(200, 3.0)).predict(columns)
    two = fit_baseline(tripled, y[repeated]).predict(columns)
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_mean_prediction_is_the_base_rate():
    columns, y = made()
    p = fit_baseline(columns, y).predict(columns)
    assert p.mean() == pytest.approx(y.mean(), abs=1e-6)
    assert auc(y, p) > 0.65


def test_json_round_trip_gives_the_same_bits():
    columns, y = made()
    fitted = fit_baseline(columns, y)
    read = Baseline.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert read == fitted
    np.testing.assert_array_equal(read.predict(columns), fitted.predict(columns))


def test_the_order_of_columns_does_not_matter():
    columns, y = made()
    turned = dict(reversed(columns.items()))
    assert fit_baseline(columns, y) == fit_baseline(turned, y)


def test_constant_columns_are_harmless():
    """Every cutoff at one instant with no wait: a column may well be constant."""
    columns, y = made()
    columns["wait_seconds"] = np.zeros(len(y), np.float32)
    columns["age_seconds"] = np.full(len(y), 86_400.0, np.float32)
    p = fit_baseline(columns, y).predict(columns)
    assert np.isfinite(p).all()
    assert auc(y, p) > 0.55


def test_separable_data_stay_finite():
    events = np.arange(100, dtype=np.float32)
    y = (events >= 50).astype(float)
    fitted = fit_baseline({"events": events}, y)
    p = fitted.predict({"events": events})
    assert np.abs(fitted.coefficients).max() < 100
    assert auc(y, p) == 1.0


def test_values_far_outside_training_are_clipped():
    columns, y = made()
    fitted = fit_baseline(columns, y)
    edge = {name: np.array([column.max()]) for name, column in columns.items()}
    far = {name: value * 1e6 for name, value in edge.items()}
    np.testing.assert_allclose(fitted.predict(far), fitted.predict(edge))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_is_refused(value):
    columns, _ = made(10)
    with pytest.raises(TrainingError, match=r"positives=\d+ of 10"):
        fit_baseline(columns, np.full(10, value))

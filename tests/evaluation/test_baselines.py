"""The simple baselines of classes and amounts against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from zap.bundles.target import Target
from zap.evaluation.baseline import Baseline
from zap.evaluation.baselines import (
    ClassBaseline,
    baseline_from_dict,
    fit_target_baseline,
)

CLASSES = Target("classes", ("none", "one", "several"))


def made(rows=600, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "wait_seconds": rng.exponential(1e5, rows).astype(np.float32),
        "events": rng.integers(1, 40, rows).astype(np.float32),
    }
    signal = np.log1p(columns["events"]) - 0.3 * np.log1p(columns["wait_seconds"])
    spent = np.exp(signal + 4) * rng.exponential(1, rows) * (rng.random(rows) < 0.6)
    return columns, spent, np.digitize(signal + rng.normal(0, 1, rows), [-1.2, 0.5])


def logs_of(columns):
    return np.log1p(np.column_stack([columns[n] for n in sorted(columns)])).astype(
        float
    )


def pipeline(model):
    terms = PolynomialFeatures(2, include_bias=False)
    return make_pipeline(terms, StandardScaler(), model)


def test_classes_equal_one_regression_each_normalised():
    columns, _, y = made()
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    oracle = pipeline(OneVsRestClassifier(model)).fit(logs_of(columns), y)
    found = fit_target_baseline(CLASSES, columns, y).predict(columns)
    expected = oracle.predict_proba(logs_of(columns))
    np.testing.assert_allclose(found, expected, atol=5e-4)


def amounts_of(y, link="log"):
    mean, variance = y.mean(), y.var()
    if link == "log":
        return Target("amount", link="log", scale=mean, dispersion=variance / mean**2)
    return Target("amount", link="identity", centre=mean, scale=variance**0.5)


def test_amounts_equal_a_poisson_regression():
    columns, y, _ = made()
    target = amounts_of(y)
    # Ours: sum(loss) / dispersion + |b|^2 / 2; theirs: mean(loss) + alpha |b|^2 / 2.
    alpha = target.dispersion / len(y)
    model = PoissonRegressor(alpha=alpha, tol=1e-9, solver="newton-cholesky")
    oracle = pipeline(model).fit(logs_of(columns), y / target.scale)
    found = fit_target_baseline(target, columns, y).predict(columns)
    expected = oracle.predict(logs_of(columns)) * target.scale
    np.testing.assert_allclose(found, expected, rtol=2e-3)
    assert found.sum() == pytest.approx(y.sum(), rel=1e-6)


def test_amounts_below_0_equal_a_ridge_regression():
    columns, y, _ = made()
    target = amounts_of(y - 10, "identity")
    oracle = pipeline(Ridge(alpha=1.0)).fit(
        logs_of(columns), (y - 10 - target.centre) / target.scale
    )
    found = fit_target_baseline(target, columns, y - 10).predict(columns)
    expected = oracle.predict(logs_of(columns)) * target.scale + target.centre
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_weights_equal_repeated_rows():
    columns, spent, _ = made(150)
    weight = np.random.default_rng(1).integers(1, 4, 150)
    rows = np.repeat(np.arange(150), weight)
    repeated = {name: column[rows] for name, column in columns.items()}
    target = amounts_of(spent)
    one = fit_target_baseline(target, columns, spent, weight)
    # Means and deviations of the terms are unweighted, so the ridge differs a little.
    two = fit_target_baseline(target, repeated, spent[rows])
    first, second = one.predict(columns), two.predict(columns)
    np.testing.assert_allclose(first, second, rtol=0.1)
    assert weight @ first == pytest.approx(weight @ spent, rel=1e-6)


@pytest.mark.parametrize("kind", ["binary", "classes", "log", "identity"])
def test_json_round_trip_gives_the_same_bits(kind):
    columns, spent, number = made()
    labels = {"binary": number > 0, "classes": number}.get(kind, spent)
    targets = {"binary": Target(), "classes": CLASSES}
    target = targets.get(kind) or amounts_of(spent, kind)
    fitted = fit_target_baseline(target, columns, labels)
    read = baseline_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert read == fitted
    np.testing.assert_array_equal(read.predict(columns), fitted.predict(columns))
    assert "counts, recency and waits" in fitted.described


def test_a_class_that_nothing_speaks_for_shares_evenly():
    nothing = Baseline(("events",), (0,), (1,), (0, 0), (1, 1), (-2000.0, 0, 0))
    found = ClassBaseline((nothing, nothing)).predict({"events": [1.0]})
    assert found.tolist() == [[0.5, 0.5]]


def test_far_values_are_clipped_also_behind_the_logarithm():
    columns, spent, _ = made()
    fitted = fit_target_baseline(amounts_of(spent), columns, spent)
    edge = {name: np.array([column.max()]) for name, column in columns.items()}
    far = {name: value * 1e6 for name, value in edge.items()}
    np.testing.assert_allclose(fitted.predict(far), fitted.predict(edge))

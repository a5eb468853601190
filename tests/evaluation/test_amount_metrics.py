"""Numbers about amounts against scikit-learn and plain loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from zap.evaluation import amount_metrics as ours


def made(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.gamma(1, 30, rows) + 0.1
    y = np.where(rng.random(rows) < 0.4, p / 0.4 * rng.exponential(1, rows), 0)
    return y, p, rng.integers(1, 4, rows)


def test_errors_equal_scikit_learn():
    y, p, weight = made()
    assert ours.rmse(y, p, weight) ** 2 == pytest.approx(
        theirs.mean_squared_error(y, p, sample_weight=weight)
    )
    assert ours.mae(y, p, weight) == pytest.approx(
        theirs.mean_absolute_error(y, p, sample_weight=weight)
    )


def test_deviance_explained_equals_scikit_learn():
    y, p, weight = made()
    for link, power in (("log", 1), ("identity", 0)):
        expected = theirs.d2_tweedie_score(y, p, sample_weight=weight, power=power)
        found = ours.deviance_explained(y, p, link, weight)
        assert found == pytest.approx(expected)
    assert ours.deviances(y, p, "log").mean() == pytest.approx(
        theirs.mean_poisson_deviance(y, p)
    )
    assert ours.deviance_explained(y, np.full(len(y), y.mean()), "log") == (
        pytest.approx(0, abs=1e-12)
    )


def test_poisson_s_deviance_is_not_defined_below_0():
    assert np.isnan(ours.deviances([-1.0, 1.0], [1.0, 1.0], "log")).tolist() == [
        True,
        False,
    ]
    assert np.isnan(ours.deviance_explained([-1.0, 1.0], [1.0, 2.0], "log"))
    assert np.isnan(ours.deviance_explained([3.0, 3.0], [1.0, 2.0], "log"))


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.3, 7.7, 19.99])
@pytest.mark.parametrize("link", ["log", "identity"])
def test_of_equal_amounts_nothing_is_explained_or_ranked(amount, link):
    """Their mean is off by a rounding, whose square is no deviance to divide by."""
    rng = np.random.default_rng(0)
    y, p, weight = np.full(400, amount), rng.random(400), rng.random(400)
    for weights in (None, weight):
        assert np.isnan(ours.deviance_explained(y, p, link, weights))
        assert np.isnan(ours.spearman(y, p, weights))
        assert np.isnan(ours.spearman(p, y, weights))
        assert np.isnan(ours.spearman(y, y, weights))


def loop_spearman(y, p):
    """Pearson's correlation of mean ranks, by loops."""

    def ranks(values):
        return [
            sum(other < value for other in values)
            + (sum(other == value for other in values) - 1) / 2
            for value in values
        ]

    return np.corrcoef(ranks(y), ranks(p))[0, 1]


FEW = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=25)


@given(FEW)
def test_spearman_equals_a_loop_over_ranks(rows):
    y, p = np.array(rows, float).T
    if len(set(y)) == 1 or len(set(p)) == 1:
        assert np.isnan(ours.spearman(y, p))
    else:
        assert ours.spearman(y, p) == pytest.approx(loop_spearman(y, p), abs=1e-9)


def loop_gini(y, p):
    """Twice the covariance with the rank, over that of the best rank; ties averaged.

    All orders of equal predictions are tried, one after the other.
    """

    def area(order):
        gathered = np.concatenate(([0.0], np.cumsum(y[list(order)])))
        return (gathered[1:] + gathered[:-1]).sum() / 2 / len(y) / y.sum() - 0.5

    best = area(np.argsort(-y, kind="stable"))
    orders = [
        order
        for order in itertools.permutations(range(len(y)))
        if all(p[a] >= p[b] for a, b in itertools.pairwise(order))
    ]
    return np.mean([area(order) for order in orders]) / best


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=6)
)
def test_gini_equals_the_mean_over_all_orders_of_equal_predictions(rows):
    y, p = np.array(rows, float).T
    if y.sum() == 0 or len(set(y)) == 1:
        assert np.isnan(ours.gini(y, p))
    else:
        assert ours.gini(y, p) == pytest.approx(loop_gini(y, p), abs=1e-9)


def test_gini_of_the_best_order_of_none_and_of_the_worst():
    y, _, _ = made()
    assert ours.gini(y, y) == pytest.approx(1)
    assert ours.gini(y, np.ones(len(y))) == pytest.approx(0, abs=1e-12)
    assert ours.gini(y, -y) == pytest.approx(-1)


def test_of_a_yes_or_no_the_gini_is_twice_the_auc_less_one():
    rng = np.random.default_rng(1)
    p = np.round(rng.random(200), 1)
    y = (rng.random(200) < p).astype(float)
    assert ours.gini(y, p) == pytest.approx(2 * theirs.roc_auc_score(y, p) - 1)


@pytest.mark.parametrize("measure", [ours.gini, ours.spearman])
def test_weights_equal_repeated_rows(measure):
    y, p, weight = made(80)
    p = np.round(p, -1)
    rows = np.repeat(np.arange(80), weight)
    assert measure(y, p, weight) == pytest.approx(measure(y[rows], p[rows]))


def test_the_captured_share_equals_the_sorted_rows():
    y, p, _ = made()
    first = y[np.argsort(-p)[:60]].sum() / y.sum()
    assert ours.captured(y, p, 0.2) == pytest.approx(first)
    assert np.isnan(ours.captured(0 * y, p, 0.2))

"""Metrics against scikit-learn and against plain loops over rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from zap.evaluation.metrics import auc, average_precision, ece, ece_null, log_loss

ROWS = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 12),  # few values: many ties
        st.integers(1, 4),
    ),
    min_size=2,
    max_size=60,
).filter(lambda rows: len({outcome for outcome, _, _ in rows}) == 2)


def columns(rows):
    y, p, weight = np.array(rows, dtype=float).T
    return y, p / 12, weight


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_auc_and_average_precision_equal_scikit_learn_with_ties_and_weights(rows):
    y, p, w = columns(rows)
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p))
    assert auc(y, p, w) == pytest.approx(roc_auc_score(y, p, sample_weight=w))
    assert average_precision(y, p) == pytest.approx(average_precision_score(y, p))
    assert average_precision(y, p, w) == pytest.approx(
        average_precision_score(y, p, sample_weight=w)
    )


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_auc_is_the_share_of_pairs_won(rows):
    y, p, _ = columns(rows)
    pairs = [(a, b) for a in p[y == 1] for b in p[y == 0]]
    won = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
    assert auc(y, p) == pytest.approx(won / len(pairs))


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_log_loss_equals_scikit_learn(rows):
    y, p, w = columns(rows)  # 0 and 1 among the probabilities: clipped alike
    expected = sklearn_log_loss(y, p, sample_weight=w, labels=[0, 1])
    assert log_loss(y, p, w) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
def test_auc_of_one_class_is_not_a_number(y):
    assert np.isnan(auc(y, [0.1, 0.5, 0.9]))


def test_average_precision_without_positives_is_not_a_number():
    assert np.isnan(average_precision([0, 0], [0.1, 0.9]))


def test_metrics_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(5)
    p = np.round(rng.random(500), 2)
    y = rng.random(500) < p
    order = rng.permutation(500)
    for metric in (auc, average_precision, ece):
        assert metric(y[order], p[order]) == pytest.approx(metric(y, p), abs=1e-12)


def loop_ece(y, p, w, bins=15):
    """Equations (5) to (7) in their positive-class form, one row at a time."""
    total = 0.0
    for m in range(bins):
        rows = [
            i
            for i in range(len(p))
            if (m / bins < p[i] <= (m + 1) / bins) or (m == 0 and p[i] == 0)
        ]
        weight = sum(w[i] for i in rows)
        if weight:
            observed = sum(w[i] * y[i] for i in rows) / weight
            predicted = sum(w[i] * p[i] for i in rows) / weight
            total += weight * abs(observed - predicted)
    return total / sum(w)


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.one_of(
                st.floats(0, 1),
                st.integers(0, 15).map(lambda k: k / 15),  # on the edges
            ),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=50,
    )
)
@settings(max_examples=80, deadline=None)
def test_ece_equals_a_loop_over_bins(rows):
    y, p, w = np.array(rows, dtype=float).T
    assert ece(y, p, w) == pytest.approx(loop_ece(y, p, w), abs=1e-12)


def test_an_edge_belongs_to_the_lower_bin_and_zero_to_the_lowest():
    # 0.2 is the edge of the bins (2/15, 3/15] and (3/15, 4/15]. Shared with 0.14 the
    # surplus of one cancels the shortfall of the other; apart they add up.
    assert ece([1, 0], [0.2, 0.14]) == pytest.approx(abs(1 - 0.34) / 2)
    assert ece([1, 0], [0.2, 0.21]) == pytest.approx((0.8 + 0.21) / 2)
    assert ece([1, 0], [0.0, 0.05]) == pytest.approx(0.95 / 2)


def test_ece_of_certain_and_wrong_is_one():
    assert ece([0, 1, 0], [1.0, 0.0, 1.0]) == 1.0


def test_null_of_the_ece_matches_the_known_sizes():
    """formulas.md: about 0.012 on 7,000 rows and 0.039 on 1,000."""
    rng = np.random.default_rng(0)
    assert ece_null(rng.random(1000), 300)[0] == pytest.approx(0.039, abs=0.002)
    assert ece_null(rng.beta(0.5, 1.5, 7000), 300)[0] == pytest.approx(0.012, abs=0.001)


def test_null_of_the_ece_equals_drawing_outcomes_and_measuring():
    rng = np.random.default_rng(1)
    p = rng.beta(1, 4, 800)
    drawn = [ece(rng.random(800) < p, p) for _ in range(600)]
    mean, high = ece_null(p, 600, seed=2)
    assert mean == pytest.approx(np.mean(drawn), rel=0.04)
    assert high == pytest.approx(np.quantile(drawn, 0.95), rel=0.06)


def test_null_is_wider_when_the_rows_of_a_subject_share_their_luck():
    p = np.repeat(np.random.default_rng(3).random(200), 10)
    subjects = np.repeat(np.arange(200), 10)
    alone, shared = ece_null(p, 200), ece_null(p, 200, subjects=subjects)
    one_each = ece_null(p[::10], 200)
    assert shared[0] > 2 * alone[0]
    assert shared[0] == pytest.approx(one_each[0], rel=0.1)


def test_null_is_seeded_and_free_of_the_order_of_rows():
    p = np.random.default_rng(3).random(300)
    assert ece_null(p, 50, seed=1) == ece_null(p[::-1], 50, seed=1)
    assert ece_null(p, 50, seed=1) != ece_null(p, 50, seed=2)

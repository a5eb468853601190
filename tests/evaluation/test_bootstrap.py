"""Bootstrap by subject: against resampling by hand, and its meaning."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from zap.evaluation.bootstrap import (
    auc_draws,
    auc_interval,
    interval,
    paired_auc_difference,
    paired_mean_difference,
)
from zap.evaluation.metrics import auc


def sample(subjects=60, rows_each=3, seed=0):
    rng = np.random.default_rng(seed)
    subject = np.repeat(rng.integers(0, 10**9, subjects), rows_each)
    p = np.round(rng.random(len(subject)), 1)
    y = (rng.random(len(subject)) < p).astype(float)
    return y, p, subject


def test_draws_equal_resampling_whole_subjects_by_hand():
    y, p, subject = sample()
    names = np.unique(subject)
    rng = np.random.default_rng(7)
    expected = []
    for _ in range(20):
        picked = names[rng.integers(0, len(names), len(names))]
        rows = np.concatenate([np.flatnonzero(subject == name) for name in picked])
        expected.append(roc_auc_score(y[rows], p[rows]))
    drawn = auc_draws(y, [p], subject, draws=20, seed=7)
    np.testing.assert_allclose(drawn[:, 0], expected)


def test_draws_use_example_weights():
    y, p, subject = sample()
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    drawn = auc_draws(y, [p], subject, weights=weight, draws=5)
    by_hand = auc_draws(y[repeated], [p[repeated]], subject[repeated], draws=5)
    np.testing.assert_allclose(drawn, by_hand)


def test_draws_do_not_depend_on_the_order_of_rows():
    y, p, subject = sample()
    order = np.random.default_rng(2).permutation(len(y))
    drawn = auc_draws(y, [p], subject, draws=30)
    again = auc_draws(y[order], [p[order]], subject[order], draws=30)
    np.testing.assert_array_equal(drawn, again)


def test_interval_holds_the_auc_and_narrows_with_more_subjects():
    y, p, subject = sample()
    found, low, high = auc_interval(y, p, subject, draws=300)
    assert low < found < high
    assert found == auc(y, p)
    _, low_more, high_more = auc_interval(*sample(subjects=1000), draws=300)
    assert high_more - low_more < 0.5 * (high - low)


def test_repeated_rows_of_a_subject_do_not_narrow_the_interval():
    """Resampling rows would: it takes ten copies for ten times the evidence."""
    y, p, subject = sample(rows_each=1)
    _, low, high = auc_interval(y, p, subject, draws=400)
    copies = [np.repeat(column, 10) for column in (y, p, subject)]
    _, low_copies, high_copies = auc_interval(*copies, draws=400)
    assert (low_copies, high_copies) == pytest.approx((low, high))


def test_paired_difference_of_a_score_with_itself_is_zero():
    y, p, subject = sample()
    assert paired_auc_difference(y, p, p, subject, draws=50) == (0.0, 0.0, 0.0)


def test_paired_interval_is_narrower_than_that_of_independent_scores():
    rng = np.random.default_rng(4)
    y, p, subject = sample(subjects=400)
    near = p + rng.normal(0, 0.02, len(p))
    difference, low, high = paired_auc_difference(y, p, near, subject, draws=300)
    assert difference == pytest.approx(auc(y, p) - auc(y, near))
    _, auc_low, auc_high = auc_interval(y, p, subject, draws=300)
    assert high - low < 0.3 * (auc_high - auc_low)


def test_draws_of_one_class_do_not_count():
    y, p, subject = np.array([1, 0, 0.0]), np.array([0.9, 0.1, 0.2]), np.arange(3)
    drawn = auc_draws(y, [p], subject, draws=100)
    assert np.isnan(drawn).any()
    assert interval(drawn[:, 0]) == (1.0, 1.0)
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_bootstrap_is_seeded():
    y, p, subject = sample()
    one, same, other = (
        auc_interval(y, p, subject, draws=50, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_the_difference_of_means_equals_resampling_subjects_by_hand():
    rng = np.random.default_rng(5)
    a, b, weights = rng.normal(1, 1, 90), rng.normal(size=90), rng.uniform(0.5, 2, 90)
    subjects = rng.integers(0, 12, 90)
    found = paired_mean_difference(a, b, subjects, weights=weights, draws=40, seed=3)
    assert found[0] == pytest.approx(np.average(a - b, weights=weights))
    rng, names = np.random.default_rng(3), np.unique(subjects)
    by_hand = []
    for _ in range(40):
        picked = names[rng.integers(0, len(names), len(names))]
        rows = np.concatenate([np.flatnonzero(subjects == name) for name in picked])
        by_hand.append(np.average((a - b)[rows], weights=weights[rows]))
    assert found[1:] == pytest.approx(np.quantile(by_hand, [0.025, 0.975]))

"""Curves and segments against plain loops over sorted rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.evaluation.curves import (
    MAX_BUCKETS,
    SEGMENT_NAMES,
    calibration_curve,
    capture,
    distribution,
    segments,
    top_rate,
    wilson,
)


def made(rows, seed=0, digits=9):
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(1, 3, rows), digits)
    return (rng.random(rows) < p).astype(float), p


def loop_buckets(y, p, least):
    """Section 7 with plain loops: rows per bucket, high to low, ties together."""
    buckets, current = [], []
    for value in sorted(set(p), reverse=True):
        current += [i for i in range(len(p)) if p[i] == value]
        if sum(y[i] for i in current) >= least:
            buckets.append(current)
            current = []
    if current and buckets:
        buckets[-1] += current
    return buckets or [current]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=80),
    st.integers(1, 5),
)
@settings(max_examples=80, deadline=None)
def test_calibration_buckets_equal_a_loop(rows, least):
    y, p = np.array(rows, dtype=float).T
    p /= 20
    curve = calibration_curve(y, p, min_positives=least, max_buckets=1000)
    expected = loop_buckets(y.tolist(), p.tolist(), least)
    assert [bucket["n"] for bucket in curve] == [len(rows) for rows in expected]
    for bucket, members in zip(curve, expected, strict=True):
        assert bucket["positives"] == y[members].sum()
        assert bucket["mean_prediction"] == pytest.approx(p[members].mean())
        assert bucket["positive_rate"] == pytest.approx(y[members].mean())


def test_each_bucket_holds_a_hundred_positives_and_none_is_lost():
    y, p = made(3000)
    curve = calibration_curve(y, p)
    assert len(curve) > 3
    assert all(bucket["positives"] >= 100 for bucket in curve)
    assert sum(bucket["n"] for bucket in curve) == 3000
    means = [bucket["mean_prediction"] for bucket in curve]
    assert means == sorted(means, reverse=True)


def test_many_positives_are_drawn_in_few_buckets():
    y, p = made(60_000)
    curve = calibration_curve(y, p)
    assert MAX_BUCKETS / 2 < len(curve) <= MAX_BUCKETS


def test_few_positives_make_one_bucket():
    y, p = made(50)
    assert [bucket["n"] for bucket in calibration_curve(y, p)] == [50]


def test_calibration_curve_weighs_rates_but_counts_rows():
    y, p = np.array([1, 0, 0, 1.0]), np.array([0.9, 0.9, 0.1, 0.1])
    curve = calibration_curve(y, p, [3, 1, 1, 1], min_positives=1)
    assert [bucket["positive_rate"] for bucket in curve] == [0.75, 0.5]
    assert [bucket["n"] for bucket in curve] == [2, 2]


def test_the_interval_of_a_bucket_counts_each_subject_once():
    y, p = np.array([1, 1, 0, 0.0]), np.array([0.9, 0.9, 0.9, 0.9])
    (bucket,) = calibration_curve(y, p, subjects=["a", "a", "b", "b"])
    assert bucket["n"] == 4
    assert (bucket["rate_low"], bucket["rate_high"]) == wilson(0.5, 2)


def test_subjects_of_each_bucket_are_counted_for_themselves():
    y, p = made(2000)
    subjects = np.random.default_rng(1).integers(0, 300, 2000)
    order = np.argsort(-p)
    place = 0
    for bucket in calibration_curve(y, p, subjects=subjects):
        members = order[place : place + bucket["n"]]
        different = len(set(subjects[members].tolist()))
        assert bucket["rate_low"] == wilson(bucket["positive_rate"], different)[0]
        place += bucket["n"]


def test_wilson_interval_of_a_known_case():
    """8 of 10: the value that statistics texts give."""
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == pytest.approx(1.0)


def test_segments_equal_an_even_split_of_the_sorted_rows():
    y, p = made(1000)
    order = np.argsort(-p)
    for found, part in zip(segments(y, p), np.split(order, 5), strict=True):
        assert found["n"] == 200
        assert found["positive_rate"] == pytest.approx(y[part].mean())
        assert found["mean_prediction"] == pytest.approx(p[part].mean())
        odds = y[part].mean() / y.mean()
        assert found["relative_odds"] == pytest.approx(odds)
        share = y[part].sum() / y.sum()
        assert found["share_of_positives"] == pytest.approx(share)


def test_segments_have_the_names_of_the_paper_and_hold_every_row():
    y, p = made(1003)
    found = segments(y, p)
    assert tuple(part["name"] for part in found) == SEGMENT_NAMES
    assert SEGMENT_NAMES[0] == "very high"
    assert SEGMENT_NAMES[-1] == "very low"
    assert sum(part["n"] for part in found) == 1003


def test_segments_of_a_model_that_says_nothing_are_even():
    y, _ = made(100)
    found = segments(y, np.full(100, 0.3))
    assert [part["relative_odds"] for part in found] == pytest.approx([1.0] * 5)


def test_an_ideal_model_puts_all_positives_first():
    y = np.repeat([1.0, 0.0], [10, 90])
    found = segments(y, y)
    assert found[0]["relative_odds"] == pytest.approx(5.0)
    assert found[0]["share_of_positives"] == pytest.approx(1.0)
    assert found[1]["relative_odds"] == pytest.approx(0.0)
    assert top_rate(y, y) == pytest.approx(1.0)
    assert capture(y, y) == pytest.approx(1.0)


def test_weighted_segments_equal_repeated_rows():
    y, p = made(200)
    weight = np.random.default_rng(1).integers(1, 4, 200)
    repeated = np.repeat(np.arange(200), weight)
    ours = segments(y, p, weight)
    theirs = segments(y[repeated], p[repeated])
    for a, b in zip(ours, theirs, strict=True):
        assert a["positive_rate"] == pytest.approx(b["positive_rate"])
        assert a["mean_prediction"] == pytest.approx(b["mean_prediction"])
    assert sum(part["n"] for part in ours) == 200


def test_top_shares_equal_the_sorted_rows():
    y, p = made(1000)
    order = np.argsort(-p)
    assert top_rate(y, p) == pytest.approx(y[order[:100]].mean())
    assert capture(y, p) == pytest.approx(y[order[:200]].sum() / y.sum())
    assert np.isnan(capture(np.zeros(10), np.arange(10) / 10))


def test_nothing_depends_on_the_order_of_rows():
    y, p = made(997, digits=1)
    order = np.random.default_rng(2).permutation(997)
    for results in (segments, lambda y, p: calibration_curve(y, p, min_positives=20)):
        for a, b in zip(results(y, p), results(y[order], p[order]), strict=True):
            assert list(a) == list(b)
            assert list(a.values())[1:] == pytest.approx(list(b.values())[1:])
    assert top_rate(y, p) == pytest.approx(top_rate(y[order], p[order]))


@pytest.mark.parametrize(
    ("highest", "top"), [(0.004, 0.01), (0.01, 0.01), (0.3, 0.5), (0.51, 1), (1, 1)]
)
def test_distribution_reaches_a_round_number_above_the_highest_prediction(highest, top):
    found = distribution([0, 1], [0.0, highest])
    assert found["edges"][-1] == pytest.approx(top)
    assert sum(found["positives"]) == sum(found["negatives"]) == 1


def test_a_few_high_predictions_do_not_squeeze_the_others():
    p = np.concatenate([np.linspace(0, 0.09, 997), [0.5, 0.6, 0.7]])
    found = distribution(np.ones(1000), p)
    assert found["edges"][-1] == pytest.approx(0.1)
    assert found["beyond"] == 3
    assert sum(found["positives"]) == 1000
    assert found["positives"][-1] == 3


def test_distribution_counts_and_quantiles():
    y, p = made(500)
    found = distribution(y, p, bins=10)
    assert sum(found["positives"]) == y.sum()
    assert sum(found["negatives"]) == (1 - y).sum()
    below = ((p < found["edges"][1]) & (y == 0)).sum()
    assert found["negatives"][0] == below
    assert found["quantiles"]["50"] == pytest.approx(np.median(p))


def test_intervals_cover_the_rate_where_weights_differ() -> None:
    """In 95 of 100 draws; taken as equal, such rows cover it in 66."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        y = (rng.random(800) < 0.3).astype(float)
        weight = rng.lognormal(0, 1.2, 800)
        (bucket,) = calibration_curve(y, np.full(800, 0.3), weight)
        covered += bucket["rate_low"] <= 0.3 <= bucket["rate_high"]
    assert 0.91 * 400 <= covered <= 0.99 * 400


def test_equal_weights_leave_the_interval_as_it_is() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(500)
    y, subjects = (rng.random(500) < p).astype(float), np.arange(500) // 2
    plain = calibration_curve(y, p, None, subjects, 50)
    tripled = calibration_curve(y, p, np.full(500, 3.0), subjects, 50)
    for one, two in zip(plain, tripled, strict=True):
        assert one == pytest.approx(two)
        low, high = wilson(one["positive_rate"], one["n"])
        assert one["rate_low"] < low and high < one["rate_high"]  # of pairs of rows

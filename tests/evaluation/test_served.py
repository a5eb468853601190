"""Expected outcomes, drift and intervals of served predictions, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from zap.bundles.target import Target
from zap.evaluation.metrics import ece, ece_null
from zap.evaluation.page import before_and_after
from zap.evaluation.served import Served, _Ranked, spreads
from zap.evaluation.served_drift import (
    drift_of_histogram,
    drift_of_values,
    ks,
    psi,
    psi_by_chance,
)
from zap.evaluation.served_immature import expect
from zap.evaluation.served_offline import beside_offline
from zap.evaluation.served_plots import auc_figure, rates_figure

COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)


def test_buckets_of_values_that_are_nearly_equal_have_names_of_their_own() -> None:
    often = [100.01] * 300 + [100.02] * 300 + [*np.linspace(90, 110, 300)]
    found = drift_of_values("price", often, often)
    assert found is not None
    assert {"100.01", "100.02"} < {*found["buckets"]}
    assert len({*found["buckets"]}) == len(found["buckets"])
    histogram = drift_of_histogram(
        "score", [0.0, 0.99991, 0.99992, 1.0], [5, 5, 5], np.array([0.5]), 1, 15
    )
    assert histogram["buckets"] == [
        "0 to 0.99991",
        "0.99991 to 0.99992",
        "0.99992 to 1",
    ]


def test_psi_is_the_sum_that_it_says() -> None:
    ours, theirs = np.array([100, 300, 600]), np.array([300, 300, 400])
    a = (ours + 0.5) / (ours.sum() + 1.5)
    b = (theirs + 0.5) / (theirs.sum() + 1.5)
    expected = sum((x - y) * np.log(x / y) for x, y in zip(a, b, strict=True))
    assert psi(ours, theirs) == pytest.approx(expected)
    assert ks(ours, theirs) == pytest.approx(0.2)


@given(COUNTS, st.integers(1, 9))
def test_equal_shares_are_no_distance(counts: list[int], times: int) -> None:
    many = np.array(counts) * 1_000 + 1_000
    assert psi(many, many) == 0
    assert psi(many, many * times) == pytest.approx(0, abs=1e-5)
    assert psi(many, many[::-1]) >= 0


def test_chance_is_what_two_samples_of_one_distribution_show() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    mean, high = psi_by_chance(shares, 300, 800)
    seen = np.array(
        [
            psi(rng.multinomial(300, shares), rng.multinomial(800, shares))
            for _ in range(2_000)
        ]
    )
    assert mean == pytest.approx(seen.mean(), rel=0.1)
    assert 0.004 < (seen > high).mean() < 0.02
    # The textbook's: PSI is (1/n + 1/m) times a chi-square of buckets - 1.
    assert mean == pytest.approx(3 * (1 / 300 + 1 / 800), rel=0.1)


def test_bins_of_a_histogram_are_joined_to_about_ten() -> None:
    rng = np.random.default_rng(1)
    edges = np.linspace(0, 0.8, 41)
    reference = np.histogram(np.minimum(rng.beta(2, 8, 20_000), 0.8), edges)[0]
    same, moved = (
        drift_of_histogram("s", edges, reference, rng.beta(*law, 3_000), 3_000, 9_000)
        for law in ((2, 8), (3, 5))
    )
    assert 6 <= len(same["buckets"]) <= 10
    assert min(same["reference_shares"]) > 0.05
    assert sum(same["shares"]) == pytest.approx(1)
    assert same["psi"] < same["psi_chance_99"] < 0.25 < moved["psi"]
    beyond = drift_of_histogram("s", edges, reference, np.full(9, 0.95), 9, 9)
    assert beyond["shares"][-1] == 1


RARE = np.linspace(0, 0.05, 41)


@pytest.mark.parametrize(
    ("reference", "score"),
    [
        ([9_600, *[50] * 8, *[0] * 31], 0.04),  # a rare outcome: nearly all at first
        ([0] * 20 + [10_000] + [0] * 19, 0.04),  # a model that says one thing
        ([0] * 20 + [10_000] + [0] * 19, 0.01),
        ([*[0] * 31, *[50] * 8, 9_600], 0.001),
    ],
)
def test_scores_that_all_leave_a_heavy_bin_are_seen(
    reference: list[int], score: float
) -> None:
    moved = drift_of_histogram(
        "s", RARE, reference, np.full(3_000, score), 3_000, 3_000
    )
    assert moved["psi"] > max(1, moved["psi_chance_99"]) and moved["ks"] > 0.9
    assert len(moved["buckets"]) <= 12
    shares = np.array(reference) / sum(reference)
    middles = (RARE[1:] + RARE[:-1]) / 2
    like = np.random.default_rng(1).choice(middles, 3_000, p=shares)
    same = drift_of_histogram("s", RARE, reference, like, 3_000, 3_000)
    assert same["psi"] <= same["psi_chance_99"] < 0.05


@pytest.mark.parametrize("often", [0.0, 30.0, 1_000.0])
@pytest.mark.parametrize("served", [-5.0, 12.5, 4_000.0])
def test_values_that_all_leave_a_frequent_one_are_seen(
    often: float, served: float
) -> None:
    """Nineteen of twenty have one value, and the others are all different."""
    rng = np.random.default_rng(2)
    others = rng.uniform(0, 1_000, 100).tolist()
    reference = [often] * 1_900 + others
    moved = drift_of_values("price", [served] * 500, reference)
    assert moved is not None and moved["psi"] > max(1, moved["psi_chance_99"])
    assert f"{often:g}" in [name.replace(",", "") for name in moved["buckets"]]
    same = drift_of_values("price", rng.choice(reference, 500).tolist(), reference)
    assert same is not None and same["psi"] <= same["psi_chance_99"]


def test_buckets_say_what_is_in_them() -> None:
    reference = [1] * 50 + [2] * 30 + [*range(3, 23)]
    values = [0, 1, 1, 2, 3, 7, 40]
    found = drift_of_values("events", values, reference)
    assert found is not None
    numbers = [round(7 * share) for share in found["shares"]]
    assert dict(zip(found["buckets"], numbers, strict=True)) == {
        "below 1": 1,
        "1": 2,
        "2": 1,
        "above 2, below 12.1": 2,
        "12.1 or more": 1,
    }
    most = drift_of_values("price", [0, 7], [0] * 95 + [*range(1, 21)])
    assert most is not None
    assert most["buckets"] == ["0", "above 0, below 8.6", "8.6 or more"]
    assert most["shares"] == [0.5, 0.5, 0]


def test_values_that_a_reference_never_had_are_seen() -> None:
    constant = drift_of_values("wait", [5.25, 6.5, 7.0] * 50, [0.0] * 100)
    assert constant is not None and constant["psi"] > 5
    assert constant["buckets"] == ["0", "other"]
    texts = drift_of_values("page", ["new"] * 90 + ["a"] * 10, ["a", "b"] * 50)
    assert texts is not None and dict(
        zip(texts["buckets"], texts["shares"], strict=True)
    ) == {"a": 0.1, "b": 0.0, "other": 0.9}
    gone = drift_of_values("price", [None] * 40 + [1.5] * 60, list(range(100)))
    assert gone is not None and gone["buckets"][-1] == "none"
    assert gone["shares"][-1] == 0.4 and gone["reference_shares"][-1] == 0
    assert drift_of_values("none", ["x"] * 5, ["x"] * 9) is None
    assert drift_of_values("path", [["a", "b"]], [["a", "b"]]) is None


def test_expected_positives_are_as_wide_as_subjects_share_their_luck() -> None:
    p = np.full(2_000, 0.25)
    alone = expect(p, np.arange(2_000), Target())
    shared = expect(p, np.arange(2_000) // 20, Target())
    assert alone["expected"] == shared["expected"] == 500
    deviation = np.sqrt(2_000 * 0.25 * 0.75)
    width = alone["expected_high"] - alone["expected_low"]
    assert width == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    wider = shared["expected_high"] - shared["expected_low"]
    assert wider == pytest.approx(width * np.sqrt(20), rel=0.15)
    none = expect(np.zeros(0), np.zeros(0, np.int64), Target())
    assert none == {"n": 0, "subjects": 0, "expected": None}


def test_expected_classes_are_told_by_name() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    target = Target("classes", ("buys", "returns", "leaves"))
    found = expect(p, np.arange(2), target)
    assert dict(zip(found["classes"], found["expected"], strict=True)) == {
        "buys": 0.75,
        "returns": 0.75,
        "leaves": 0.5,
    }


def test_the_auc_to_expect_is_the_one_that_drawn_outcomes_show() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    p = rng.beta(1, 3, 2_000)
    seen = [roc_auc_score(rng.random(len(p)) < p, p) for _ in range(200)]
    found = expect(p, np.arange(len(p)), Target())
    assert found["auc"] == pytest.approx(np.mean(seen), abs=0.003)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for seed in range(30):
        p = rng.beta(1, 3, 300)
        subjects = np.repeat(np.arange(150), 2)
        y = (rng.random(150)[subjects] < p).astype(float)
        found = spreads(Served(y, p, subjects), seed)
        truth = float(np.mean(p * (1 - p)))  # the Brier score to expect
        inside += found["brier_low"] <= truth <= found["brier_high"]
    assert inside >= 25  # 28.5 to expect


def test_a_null_of_another_share_is_another_quantile() -> None:
    rng = np.random.default_rng(4)
    p = rng.beta(1, 3, 500)
    high = ece_null(p, share=0.99)[1]
    seen = [ece(rng.random(500) < p, p) for _ in range(2_000)]
    assert 0.004 < np.mean(np.array(seen) > high) < 0.02
    assert ece_null(p)[1] == ece_null(p, share=0.95)[1] < high


def test_a_difference_has_the_interval_of_two_independent_numbers() -> None:
    ours = {"auc": 0.70, "auc_low": 0.66, "auc_high": 0.74, "base_rate": 0.1}
    theirs = {"auc": 0.75, "auc_low": 0.72, "auc_high": 0.78, "base_rate": 0.2}
    pair = beside_offline(ours, theirs, "binary")["auc"]
    assert pair["difference"] == pytest.approx(-0.05)
    assert pair["difference_low"] == pytest.approx(-0.10)  # 0.04 and 0.03: 0.05
    assert pair["difference_high"] == pytest.approx(0.0, abs=1e-12)
    assert "auc" not in beside_offline({"auc": None}, theirs, "binary")


def test_a_draw_of_subjects_measures_as_if_its_rows_were_repeated() -> None:
    rng = np.random.default_rng(5)
    p = np.round(rng.beta(1, 3, 400), 2)  # with ties
    y = (rng.random(400) < p).astype(float)
    code = rng.integers(0, 90, 400)
    ranked = _Ranked.of(Served(y, p, code), code)
    for _ in range(5):
        times = rng.integers(0, 4, 90).astype(float)
        rows = np.repeat(np.arange(400), times[code].astype(int))
        precision, off = ranked.measured(times)
        expected = average_precision_score(y[rows], p[rows])
        assert precision == pytest.approx(expected)
        assert off == pytest.approx(ece(y[rows], p[rows]))


def day(number: int, **numbers: float) -> dict[str, Any]:
    """A day of an analysis."""
    return {"day": f"2024-03-{number:02}", "days": 1, "numbers": numbers}


def test_a_day_of_one_positive_has_no_interval() -> None:
    few = day(1, n=20, positives=1, auc=1.0, auc_low=1.0, auc_high=1.0)
    many = day(2, n=60, positives=20, auc=0.7, auc_low=0.6, auc_high=0.8)
    perfect = day(3, n=60, positives=20, auc=1.0, auc_low=1.0, auc_high=1.0)
    assert len(auc_figure([perfect, many], None).axes[0].containers) == 2
    (axes,) = auc_figure([few, many], 0.75).axes
    enough, hollow = axes.containers
    assert enough.has_yerr and not hollow.has_yerr
    assert hollow.lines[0].get_ydata().tolist() == [1.0]
    (axes,) = auc_figure([few], None).axes
    assert len(axes.containers) == 1


def test_rates_that_hardly_differ_are_not_cut() -> None:
    days = [
        day(number, n=9, base_rate=0.3 + number / 1_000, mean_prediction=0.3)
        for number in (1, 2, 3)
    ]
    (axes,) = rates_figure(days).axes
    low, high = axes.get_ylim()
    assert low == 0 and high > 1.05 * 0.303
    none = [day(number, n=9, base_rate=0.0, mean_prediction=0.0) for number in (1, 2)]
    assert rates_figure(none).axes[0].get_ylim()[0] == 0


def test_of_served_predictions_there_is_no_before() -> None:
    assert "Before" not in before_and_after([["ECE", "-", "0.1"]])
    assert "Before" in before_and_after([["ECE", "-", "0.1"], ["AUC", "0.6", "0.6"]])


@pytest.mark.parametrize("others", [[], [float(n) for n in range(1, 20)]])
def test_a_zero_has_no_sign(others: list[float]) -> None:
    """As a discount of nothing has it, that was computed: it is the number 0."""
    found = drift_of_values("x", [0.0] * 50 + [5.0], [-0.0] * 40 + [5.0, *others])
    same = drift_of_values("x", [0.0] * 50 + [5.0], [0.0] * 40 + [5.0, *others])
    assert found is not None and found == same
    assert "0" in found["buckets"] and "-0" not in found["buckets"]


def test_rare_values_that_never_come_again_ring_nothing() -> None:
    """Mostly 0, else some amount: few different ones in a reference of a hundred."""
    rng, rings = np.random.default_rng(7), 0

    def drawn(rows: int) -> list[float]:
        amounts = np.where(rng.random(rows) < 0.92, 0.0, rng.lognormal(size=rows))
        return amounts.tolist()

    for _ in range(50):
        found = drift_of_values("discount", drawn(1000), drawn(100))
        assert found is not None
        rings += found["psi"] > max(0.25, found["psi_chance_99"])
    assert rings <= 1
    more = drift_of_values("discount", [0.0] * 500 + drawn(500), drawn(100))
    gone = drift_of_values("discount", [*range(500, 1000)], drawn(100))
    assert more is not None and more["psi"] < 0.1
    assert gone is not None and gone["psi"] > 1

"""A candidate beside references, against other ways to compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from zap.errors import InputError
from zap.evaluation.bootstrap import SubjectDraws
from zap.evaluation.candidate import (
    ModelThresholds,
    Rows,
    check_calibration,
    check_slices,
    compare,
    ece_draws,
    groups_of,
)
from zap.evaluation.metrics import ece

RNG = np.random.default_rng(0)
N = 3_000
TRUTH = RNG.beta(2, 5, N)
SUBJECTS = RNG.integers(0, 900, N)
Y = (RNG.random(N) < TRUTH).astype(float)
WEIGHT = RNG.uniform(0.5, 2, N)
ROWS = Rows(Y, SUBJECTS, WEIGHT, {"pages": RNG.integers(1, 9, N).astype(np.float32)})
NOISY = np.clip(TRUTH + RNG.normal(0, 0.3, N), 0.01, 0.99)
LIMITS = ModelThresholds(draws=200)


def test_the_comparison_is_of_the_same_draws() -> None:
    found = compare(ROWS, TRUTH, NOISY, LIMITS)
    names, code = np.unique(SUBJECTS, return_inverse=True)
    gains = []
    for times in SubjectDraws(len(names), 200):
        weight = WEIGHT * times[code]
        one, other = (roc_auc_score(Y, p, sample_weight=weight) for p in (TRUTH, NOISY))
        gains.append(one - other)
    assert found["bound"] == pytest.approx(np.quantile(gains, 0.05), abs=1e-12)
    assert found["low"] == pytest.approx(np.quantile(gains, 0.025), abs=1e-12)
    assert found["auc"] == pytest.approx(roc_auc_score(Y, NOISY, sample_weight=WEIGHT))
    assert found["passed"]


def test_a_worse_one_fails_and_an_equal_one_passes() -> None:
    assert not compare(ROWS, NOISY, TRUTH, LIMITS)["passed"]
    assert compare(ROWS, TRUTH, TRUTH, LIMITS)["passed"]


@pytest.mark.parametrize(
    ("name", "value"), [("draws", 0), ("margin", "0.1"), ("first_ece", -0.1)]
)
def test_thresholds_that_make_no_sense_are_told(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"quality.{name}={value!r}"):
        ModelThresholds(**{name: value})
    assert ModelThresholds(margin=-0.01).margin == -0.01  # it must be better


def test_few_rows_can_prove_nothing() -> None:
    few = Rows(Y[:80], SUBJECTS[:80], WEIGHT[:80], {})
    other = np.clip(TRUTH[:80] + RNG.normal(0, 0.05, 80), 0, 1)
    assert not compare(few, TRUTH[:80], other, LIMITS)["passed"]


def test_calibration_errors_of_draws_are_those_of_repeated_rows() -> None:
    drawn = ece_draws(ROWS, NOISY, 5)
    names, code = np.unique(SUBJECTS, return_inverse=True)
    for found, times in zip(drawn, SubjectDraws(len(names), 5), strict=True):
        assert found == pytest.approx(ece(Y, NOISY, WEIGHT * times[code]), abs=1e-12)


def test_a_calibrated_model_passes_whatever_was_before() -> None:
    assert check_calibration(ROWS, TRUTH, None, LIMITS)["passed"]
    assert check_calibration(ROWS, TRUTH, TRUTH, LIMITS)["passed"]


def test_worse_calibration_is_refused_unless_the_live_model_is_as_bad() -> None:
    off = TRUTH**2
    assert not check_calibration(ROWS, off, TRUTH, LIMITS)["passed"]
    assert check_calibration(ROWS, off, off, LIMITS)["passed"]
    found = check_calibration(ROWS, TRUTH**3, None, LIMITS)
    assert not found["passed"] and found["ece"] > found["most"]


def test_a_slice_that_is_far_worse_is_found() -> None:
    pages = ROWS.statistics["pages"]
    spoiled = np.where(pages >= 7, RNG.random(N), TRUTH)
    found = check_slices(ROWS, spoiled, TRUTH, {}, LIMITS)
    assert [one["passed"] for one in found] == [True, True, False]
    assert sum(one["n"] for one in found) == N
    worst = found[-1]
    chosen = pages >= 6
    auc = roc_auc_score(Y[chosen], spoiled[chosen], sample_weight=WEIGHT[chosen])
    assert worst["auc_new"] == pytest.approx(auc)


def test_small_slices_are_not_judged() -> None:
    limits = ModelThresholds(draws=50, slice_outcomes=N)
    assert check_slices(ROWS, NOISY, TRUTH, {}, limits) == []


def test_groups_hold_each_known_row_once() -> None:
    column = np.array([-np.inf, 2, 3, 4, 5, np.inf, np.nan], np.float32)
    groups = groups_of(column, is_bool=False)
    assert np.array_equal(np.sum([rows for _, rows in groups], axis=0), [1] * 6 + [0])
    yes, no = groups_of(np.array([1, 0, np.nan]), is_bool=True)
    assert (yes[0], yes[1].tolist()) == ("yes", [True, False, False])
    assert (no[0], no[1].tolist()) == ("no", [False, True, False])
    assert groups_of(np.ones(3), is_bool=False) == []

"""Numbers beside their past."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.evaluation.bands import Rule, band, divergence, judge

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


def test_without_a_past_only_bounds_hold() -> None:
    rule = Rule(0.1, least=3)
    assert judge("n", 1e9, (), rule).passed
    assert not judge("n", 2, (), rule).passed


def test_a_short_past_doubles_the_floor() -> None:
    assert band([5.0], Rule(0.5)) == (4.0, 6.0)
    assert band([5.0, 5.0, 5.0], Rule(0.5)) == (4.5, 5.5)


def test_a_restless_past_widens_the_band() -> None:
    past = [1.0, 2.0, 3.0, 4.0, 9.0]
    low, high = band(past, Rule(0.1))
    spread = 5 * 1.4826 * np.median(np.abs(np.array(past) - 3))
    assert (low, high) == pytest.approx((3 - spread, 3 + spread))


def test_an_uncertain_number_has_more_room() -> None:
    assert band([5.0] * 4, Rule(0.1), error=1.0) == (1.0, 9.0)


def test_a_relative_rule_goes_by_ratios() -> None:
    low, high = band([100.0] * 3, Rule(2, relative=True))
    assert (low, high) == pytest.approx((50, 200))
    assert band([0.0] * 3, Rule(2, relative=True))[1] == pytest.approx(0)


def test_one_side_may_be_open() -> None:
    rule = Rule(0.1, above=False)
    assert judge("auc", 0.99, [0.7] * 3, rule).passed
    assert not judge("auc", 0.5, [0.7] * 3, rule).passed


def test_a_number_that_is_none_does_not_pass() -> None:
    found = judge("auc", math.nan, (), Rule(0))
    assert not found.passed and "auc is nan" in found.said


def test_what_does_not_pass_says_so() -> None:
    said = judge("events", 10, [100.0] * 4, Rule(2, relative=True)).said
    assert said == "events is 10, expected 50 to 200 (of 4 runs before)"


@given(COUNTS, COUNTS)
def test_divergence_is_that_of_its_definition(one: list[int], other: list[int]) -> None:
    p, q = np.array(one) / sum(one), np.array(other) / sum(other)
    bits = 0.0
    for a, b in zip(p, q, strict=True):
        middle = (a + b) / 2
        bits += sum(x * math.log2(x / middle) / 2 for x in (a, b) if x > 0)
    assert divergence(one, other) == pytest.approx(bits, abs=1e-12)
    assert -1e-12 <= divergence(one, other) <= 1 + 1e-12


def test_divergence_from_nothing_is_not_defined() -> None:
    assert math.isnan(divergence([0, 0], [1, 2]))

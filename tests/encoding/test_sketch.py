"""Sketches count exactly, merge in any order, and give round parameters."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding import nice, sketch
from zap.encoding.bins import linear_edges, power_edges
from zap.encoding.features import Normalize
from zap.encoding.sketch import Numbers, Texts

FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20)


def numbers(values: list[float]) -> Numbers:
    return Numbers.of(np.array(values, np.float64))


@given(FLOATS, FLOATS)
def test_numbers_merge_to_the_sketch_of_all(
    left: list[float], right: list[float]
) -> None:
    merged = numbers(left).merge(numbers(right))
    assert merged == numbers(right + left) == numbers(right).merge(numbers(left))
    assert Numbers.from_dict(json.loads(json.dumps(merged.to_dict()))) == merged
    assert merged.count == len(left) + len(right)


@given(
    st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1),
    st.integers(1, 1000),
)
def test_quantiles_are_right_to_a_cell(values: list[float], per_mille: int) -> None:
    rank = max(1, -(-len(values) * per_mille // 1000))
    expected = sorted(values)[rank - 1]
    found = numbers(values).quantile(per_mille)
    assert abs(found) <= abs(expected)
    assert found == pytest.approx(expected, rel=1 / 64)


def test_small_whole_numbers_have_cells_of_their_own() -> None:
    for number in range(-128, 129):
        assert numbers([number]).quantile(500) == number


def test_missing_and_infinite_numbers_are_left_out() -> None:
    assert numbers([math.nan, math.inf, -math.inf, 2]).cells == numbers([2]).cells


def test_signs_and_sizes() -> None:
    found = numbers([-4, -4, 0, 3, 4])
    assert found.negative and not numbers([0, 1]).negative
    assert found.positive() == numbers([3, 4])
    assert found.sizes() == numbers([3, 4, 4, 4])
    assert found.whole and not numbers([1, 2.5]).whole


@given(st.lists(st.lists(st.text(max_size=2), max_size=12), max_size=4), st.randoms())
def test_a_cut_sketch_of_texts_does_not_depend_on_shards(
    shards: list[list[str]], random: object
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "MOST_TEXTS", 5)
        whole: dict[str, int] = {}
        for text in [text for shard in shards for text in shard]:
            whole[text] = whole.get(text, 0) + 1
        random.shuffle(shards)  # type: ignore[attr-defined]
        merged = Texts({})
        for shard in shards:
            counts = {text: shard.count(text) for text in shard}
            merged = merged.merge(Texts.of(counts))
        assert merged == Texts.of(whole)
        assert merged.cut == (len(whole) > 5)
        assert all(merged.counts[text] == whole[text] for text in merged.counts)
        assert Texts.from_dict(json.loads(json.dumps(merged.to_dict()))) == merged


def test_the_commonest_texts_break_ties_by_the_alphabet() -> None:
    texts = Texts.of({"d": 1, "b": 2, "c": 2, "a": 1})
    assert texts.most_common(3) == ("a", "b", "c")


@given(st.floats(1e-300, 1e300), st.booleans())
def test_rounding_up_is_close_and_above(number: float, whole: bool) -> None:
    found = nice.round_up(number, whole)
    assert found >= number
    assert float(f"{found:.1e}") == found
    if whole:
        assert found.is_integer()
    if number >= 10 or not whole:
        assert found <= number * 1.4


@given(FLOATS)
def test_fitted_parameters_are_always_accepted(values: list[float]) -> None:
    """Whatever the data: constant, empty, huge, tiny, negative."""
    found = numbers(values)
    edges = power_edges(*nice.power_parameters(found))
    assert 3 <= len(edges) <= 2 * nice.LAST_EDGE
    linear_edges(*nice.linear_parameters(found))
    Normalize("x", *nice.range_parameters(found))
    assert nice.scale_parameter(found) > 0


@pytest.mark.parametrize("scale", [0.001, 1, 3600])
def test_power_bins_fit_a_long_tail(scale: float) -> None:
    """Ten steps or so to the median, the tail to the 99.9 % quantile."""
    values = scale * np.random.default_rng(1).lognormal(1, 1.5, 20_000)
    step, linear_cutoff, cutoff, last = nice.power_parameters(Numbers.of(values))
    assert 8 <= round(linear_cutoff / step) <= 12
    assert linear_cutoff == pytest.approx(np.median(values), rel=0.15)
    assert 0.95 <= cutoff / np.quantile(values, 0.999) <= 1.35
    assert 32 <= last + 1 <= 48


def test_whole_numbers_get_whole_steps() -> None:
    values = np.random.default_rng(2).poisson(6, 5000).astype(np.float64)
    step, linear_cutoff, cutoff, last = nice.power_parameters(Numbers.of(values))
    assert (step, linear_cutoff) == (1, 6)
    assert cutoff >= np.quantile(values, 0.999) and cutoff == last


def test_flags_and_constants() -> None:
    flags = power_edges(*nice.power_parameters(numbers([0, 1, 1])))
    assert flags.tolist() == [0, 1, 2]
    assert nice.power_parameters(numbers([])) == (1, 1, 2, 2)
    assert nice.range_parameters(numbers([5, 5])) == (0, 5)
    assert nice.range_parameters(numbers([])) == (0, 1)
    assert nice.range_parameters(numbers([-3, 7])) == (-3, 8)

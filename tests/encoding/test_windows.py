"""Prefix sums and searches over flat histories against plain loops."""

from __future__ import annotations

from math import fsum, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding import windows
from zap.encoding.columns import FlatHistories
from zap.encoding.windows import TimeIndex, count_in, last_in, sum_in

HISTORIES = st.lists(st.lists(st.integers(-5, 30), max_size=6).map(sorted), max_size=5)


def flat(times: list[list[int]]) -> FlatHistories:
    joined = [time for subject in times for time in subject]
    offsets = np.cumsum([0, *map(len, times)])
    return FlatHistories(offsets, np.array(joined, np.int64), {})


@pytest.mark.parametrize("largest_key", [windows.LARGEST_KEY, 0.0])
@given(times=HISTORIES, asked=st.lists(st.integers(-10, 40), min_size=1))
def test_the_first_event_at_or_after_a_time(
    largest_key: float, times: list[list[int]], asked: list[int]
) -> None:
    """Both ways of searching: by one key, and by halving where no key fits."""
    histories = flat(times)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "LARGEST_KEY", largest_key)
        index = TimeIndex(histories)
    pairs = [(s, t) for s in range(len(times)) for t in asked]
    subject, time = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [
        histories.offsets[s] + sum(event < t for event in times[s]) for s, t in pairs
    ]
    assert index.first_at_or_after(subject, time).tolist() == expected


def test_many_subjects_over_a_long_time_are_searched_too() -> None:
    """A key over the whole span would overflow: 3,000 subjects, 300 years."""
    span = 300 * 365 * 86_400_000_000
    histories = flat([[0, span]] * 3000)
    subject = np.arange(3000)
    found = TimeIndex(histories).first_at_or_after(subject, np.full(3000, 1))
    assert (found == histories.offsets[:-1] + 1).all()


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=10),
    bounds=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1),
)
def test_counts_sums_and_last_entries(
    values: list[float], bounds: list[tuple[int, int]]
) -> None:
    column = np.array(values, np.float64)
    mask = column > 0
    start, stop = np.minimum(np.array(bounds).T, len(values))
    parts = [column[a:b] for a, b in zip(start, stop, strict=True)]
    assert count_in(mask, start, stop).tolist() == [(p > 0).sum() for p in parts]
    sums = [np.nansum(part) for part in parts]
    assert sum_in(column, start, stop) == pytest.approx(sums, abs=1e-5)
    lasts = [
        max((i for i in range(a, b) if mask[i]), default=-1)
        for a, b in zip(start, stop, strict=True)
    ]
    assert last_in(mask, start, stop).tolist() == lasts


def test_a_sum_does_not_depend_on_what_stands_before_it() -> None:
    """Float prefix sums would give 0.30000000000000426 after a large number."""
    alone = sum_in(np.array([0.1, 0.2]), np.array([0]), np.array([2]))
    after = sum_in(np.array([1e9, 0.1, 0.2]), np.array([1]), np.array([3]))
    assert alone.tolist() == after.tolist()


@pytest.mark.parametrize(
    "values",
    [
        [1e13, 0.25, -3e10],  # bytes of a long download, cents beside them
        [9_223_372_036_854_775_807.0, 1.0],  # the largest whole number of a mapping
        [7_200_000_000_000.5, 7_200_000_000_000.5],  # two hours, in nanoseconds
        [-9e9] * 2_000,  # in millionths they need more than 64 bits
        [9e18] * 2_000 + [-9e18] * 1_999,
    ],
)
def test_large_values_are_summed_whole(values: list[float]) -> None:
    sums = sum_in(
        np.array([5.0, *values, 7.0]), np.array([1]), np.array([1 + len(values)])
    )
    assert sums.tolist() == [fsum(values)]


@given(st.lists(st.floats(-8e9, 8e9) | st.just(nan), max_size=30), st.floats(9e9, 1e19))
def test_a_large_value_changes_no_sum_beside_it(
    values: list[float], large: float
) -> None:
    """To the bit: the digests of datasets hold sums."""
    whole = sum(round(value * 1e6) for value in values if value == value)
    column = np.array([large, *values])
    sums = sum_in(column, np.array([1]), np.array([len(column)]))
    assert sums.tolist() == [whole / 1e6]


def test_what_no_sum_can_hold_is_clipped() -> None:
    sums = sum_in(np.array([1e300, -1e300, 1e300]), np.array([0, 1]), np.array([1, 2]))
    assert sums.tolist() == [9e19, -9e19]

"""Prefix sums and searches over flat histories against plain loops."""

from __future__ import annotations

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

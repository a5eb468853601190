"""Minima, maxima and distinct values of many ranges against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.ranges import distinct_in, max_in, min_in

BOUNDS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)


def ranges(bounds: list[tuple[int, int]], most: int) -> tuple[np.ndarray, np.ndarray]:
    ordered = np.sort(np.array(bounds, np.int64).reshape(-1, 2), axis=1)
    start, stop = np.minimum(ordered, most).T
    return start, stop


@given(values=st.lists(st.floats(allow_nan=False), max_size=40), bounds=BOUNDS)
def test_the_outermost_values(
    values: list[float], bounds: list[tuple[int, int]]
) -> None:
    start, stop = ranges(bounds, len(values))
    parts = [values[a:b] for a, b in zip(start, stop, strict=True)]
    column = np.array(values, np.float64)
    lowest = [min(part, default=np.inf) for part in parts]
    highest = [max(part, default=-np.inf) for part in parts]
    assert min_in(column, start, stop).tolist() == lowest
    assert max_in(column, start, stop).tolist() == highest


@given(
    groups=st.lists(st.lists(st.integers(0, 5), max_size=20), max_size=4),
    bounds=BOUNDS,
)
def test_distinct_codes_of_ranges_within_groups(
    groups: list[list[int]], bounds: list[tuple[int, int]]
) -> None:
    codes = np.array([code for group in groups for code in group], np.int64)
    sizes = list(map(len, groups))
    offsets = np.cumsum([0, *sizes])
    first = np.repeat(offsets[:-1], sizes)
    start, stop, expected = [], [], []
    for at, group in enumerate(groups):
        for a, b in zip(*ranges(bounds, len(group)), strict=True):
            start.append(offsets[at] + a)
            stop.append(offsets[at] + b)
            expected.append(len(set(group[a:b])))
    found = distinct_in(
        codes, first, np.array(start, np.int64), np.array(stop, np.int64)
    )
    assert found.tolist() == expected


def test_distinct_codes_of_a_long_group() -> None:
    draw = np.random.default_rng(0)
    codes = draw.integers(0, 700, 5000)
    start = draw.integers(0, 5000, 300)
    stop = np.minimum(start + draw.integers(0, 3000, 300), 5000)
    expected = [len(set(codes[a:b])) for a, b in zip(start, stop, strict=True)]
    assert distinct_in(codes, np.zeros(5000, int), start, stop).tolist() == expected

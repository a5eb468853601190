"""Edges and places of formulas (2)-(4) and listing 1, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zap.encoding.bins import linear_edges, place, power_edges, share
from zap.encoding.columns import Numeric
from zap.encoding.features import LinearBins, PowerBins
from zap.errors import EncodingError


def test_the_papers_42_is_at_index_4() -> None:
    assert place(np.array([42.0]), linear_edges(10, 11)).tolist() == [4]
    entries = LinearBins("age", 10, 11).entries(Numeric(np.array([42.0])))
    assert (entries.rows.tolist(), entries.places.tolist()) == ([0], [4])


def test_values_on_and_outside_the_edges() -> None:
    values = np.array([-5, -0.0, 0, 9.999, 10, 99, 100, 1e9, math.inf, -math.inf])
    found = place(values, linear_edges(10, 11))
    assert found.tolist() == [0, 0, 0, 0, 1, 9, 10, 10, 10, 0]


@given(
    step=st.sampled_from([0.1, 0.25, 1.0, 3.0, 7.5]),
    m=st.integers(1, 20),
    n=st.integers(2, 60),
    ratio=st.floats(1.01, 1e6),
)
def test_power_edges_follow_the_formulas(
    step: float, m: int, n: int, ratio: float
) -> None:
    c1, c2 = step * m, step * m * ratio
    assume(n > m and 1 <= math.log(ratio) / math.log(n / m) <= 50)
    edges = power_edges(step, c1, c2, n)
    b = math.log(c2 / c1) / math.log(n / m)
    a = c1 / m**b
    expected = [step * i for i in range(m)] + [a * i**b for i in range(m, n + 1)]
    assert edges == pytest.approx(expected, rel=1e-9)
    assert len(edges) == n + 1
    assert (edges[m], edges[n]) == (c1, c2)  # exactly, not nearly
    widths = np.diff(edges)
    assert (widths > 0).all()
    tail = widths[m:]
    assert (tail[1:] >= tail[:-1] * (1 - 1e-6)).all()


def test_a_whole_number_of_steps_is_told_with_a_tolerance() -> None:
    assert power_edges(0.1, 0.3, 3, 10)[3] == 0.3  # 0.3 / 0.1 is 2.9999999999999996


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ((0, 10, 100, 20), "step .* above 0"),
        ((-1, 10, 100, 20), "step .* above 0"),
        ((3, 10, 100, 20), "whole number of steps"),
        ((20, 10, 100, 20), "whole number of steps"),
        ((1, 0, 100, 20), "whole number of steps"),
        ((1, 10, 100, 10), "last index"),
        ((1, 10, 10, 20), "cutoff must lie above"),
        ((1, 10, 15, 20), "shrink .* Lower last to 15"),
        ((1, 10, math.nan, 20), "finite"),
        ((1, 10, math.inf, 20), "finite"),
        ((1e-300, 1e-299, 1e300, 20), "finite"),
    ],
)
def test_bad_power_bins_are_refused(parameters: tuple, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason):
        power_edges(*parameters)
    with pytest.raises(EncodingError, match=reason):
        PowerBins("amount", *parameters)


def test_b_of_exactly_one_is_accepted() -> None:
    assert power_edges(1, 10, 40, 40).tolist() == pytest.approx(list(range(41)))


@pytest.mark.parametrize(("width", "bins"), [(0, 5), (-1, 5), (math.nan, 5), (1, 1)])
def test_bad_linear_bins_are_refused(width: float, bins: int) -> None:
    with pytest.raises(EncodingError, match="Received"):
        linear_edges(width, bins)


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_a_place_is_the_last_edge_at_or_below(values: list[float]) -> None:
    edges = power_edges(1, 5, 1000, 30)
    for value, found in zip(values, place(np.array(values), edges), strict=True):
        below = [i for i, edge in enumerate(edges) if edge <= value]
        assert found == (below[-1] if below else 0)


@given(st.lists(st.floats(-100, 2000), min_size=1))
def test_shares_bring_a_value_inside_back(values: list[float]) -> None:
    edges = power_edges(1, 5, 1000, 30)
    lower, shares = share(np.array(values), edges)
    assert ((shares >= 0) & (shares < 1)).all()
    upper = edges[np.minimum(lower + 1, 30)]
    back = edges[lower] * (1 - shares) + upper * shares
    assert back == pytest.approx(np.clip(values, 0, 1000), abs=1e-6)


def test_smooth_bins_agree_with_plain_ones_on_the_edges() -> None:
    plain = PowerBins("x", 1, 5, 100, 12)
    smooth = PowerBins("x", 1, 5, 100, 12, smooth=True)
    column = Numeric(plain.edge_array())
    assert smooth.entries(column).places.tolist() == list(range(13))
    assert (
        smooth.entries(column).places.tolist() == plain.entries(column).places.tolist()
    )


def test_stored_edges_win_and_are_checked() -> None:
    stored = PowerBins("x", 1, 5, 100, 12, edges=[0, 1, 2.5])
    assert stored.size == 3
    with pytest.raises(EncodingError, match="above the one before"):
        PowerBins("x", edges=[0, 2, 2])

"""Chances in units, and the chance of a purchase by walking every path."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from zap.simulation.chain import (
    DWELL_EDGES_MS,
    UNITS,
    blend,
    drawing_table,
    in_units,
)
from zap.simulation.law import shop_law


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda s: sum(s) > 0.01)
)
def test_units_are_the_nearest_whole_numbers_that_sum_up(shares: list[float]) -> None:
    counts = in_units(shares)
    assert counts.sum() == UNITS
    exact = np.array(shares) / sum(shares) * UNITS
    assert (np.abs(counts - exact) < 1 + 1e-6).all()
    assert (counts[np.array(shares) == 0] == 0).all()


def test_a_drawing_table_holds_each_choice_as_often_as_it_is_likely() -> None:
    counts = in_units([[1.0, 0.0, 2.0], [0.3, 0.3, 0.4]])
    table = drawing_table(counts)
    assert table.shape == (2, UNITS)
    for row, wanted in zip(table, counts, strict=True):
        assert_array_equal(np.bincount(row, minlength=3), wanted)


def bought_within(chain, intent: int, page: int, steps: int) -> float:
    """The chance of a purchase within so many steps, over all paths."""
    if steps == 0:
        return 0.0
    chances = chain.moves[intent, page] / UNITS
    onward = sum(
        chances[after] * bought_within(chain, intent, after, steps - 1)
        for after in range(chain.pages)
    )
    return float(chances[-1] + onward)


def test_the_chance_of_a_purchase_is_that_of_all_paths(tiny_laws) -> None:
    chain = tiny_laws[0].chain
    staying = chain.moves[:, :, : chain.pages].sum(axis=2).max() / UNITS
    for intent in range(2):
        for page in range(chain.pages):
            found = bought_within(chain, intent, page, 9)
            # Longer paths have at most this chance.
            assert found <= chain.buys[intent, page] <= found + staying**9


def test_the_likelihood_of_a_step_is_move_times_dwell(tiny_laws) -> None:
    chain = tiny_laws[0].chain
    moved, dwelt = chain.moves / UNITS, chain.dwell / UNITS
    for page, after, bin_, intent in np.ndindex(chain.likelihood.shape):
        wanted = moved[intent, page, after] * dwelt[intent, page, bin_]
        assert chain.likelihood[page, after, bin_, intent] == wanted


def test_a_blend_goes_from_one_to_the_other() -> None:
    first, second = np.array([2.0, 2.0]), np.array([1.0, 3.0])
    assert_allclose(blend(first, second, 0.0), [0.5, 0.5])
    assert_allclose(blend(first, second, 1.0), [0.25, 0.75])
    assert_allclose(blend(first, second, 0.5), [0.375, 0.625])


def test_no_dwell_looks_like_a_visit_that_ended() -> None:
    assert DWELL_EDGES_MS[-1] < 30 * 60_000
    assert DWELL_EDGES_MS[0] > 0


def test_a_drift_makes_the_signs_of_a_buyer_weaker() -> None:
    before, after = shop_law().chain, shop_law(1.0).chain
    assert_allclose(after.moves.sum(axis=2), UNITS)
    assert (after.buys[1:] < before.buys[1:]).all()  # all but those who only look
    half = shop_law(0.5).chain.buys
    assert ((half[2] < before.buys[2]) & (half[2] > after.buys[2])).all()

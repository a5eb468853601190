"""Runs of equal scores, and cuts inside of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.evaluation.ranking import Gains, Ranking

SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(SCORES)
@settings(max_examples=60, deadline=None)
def test_runs_are_the_distinct_scores_from_high_to_low(scores):
    values = np.array(scores, dtype=float)
    ranking = Ranking.of(values)
    distinct = sorted(set(scores), reverse=True)
    assert values[ranking.order[ranking.starts]].tolist() == distinct
    counts = ranking.per_run(np.ones(len(values)))
    assert counts.tolist() == [scores.count(value) for value in distinct]


@given(SCORES, st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_a_cut_inside_a_run_is_the_mean_over_all_ways_to_break_the_tie(scores, tenth):
    values = np.array(scores, dtype=float)
    worth = np.arange(len(values), dtype=float)
    gains = Gains.of(Ranking.of(values), worth, np.ones(len(values)))
    left, expected = tenth / 10 * len(values), 0.0
    for value in sorted(set(scores), reverse=True):
        run = worth[values == value]
        expected += run.mean() * min(len(run), left)
        left -= min(len(run), left)
    np.testing.assert_allclose(gains.at(tenth / 10), expected, atol=1e-9)

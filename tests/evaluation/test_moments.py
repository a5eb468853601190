"""Quality by moment, and which moment is recommended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zap.evaluation.groups import Judged
from zap.evaluation.moments import (
    LEAST_OF_A_CLASS,
    POSITION_EDGES,
    merged_edges,
    moments,
    when_to_ask,
)
from zap.evaluation.moments_section import asking_said, bin_name, duration
from zap.evaluation.moments_section import moments as moments_section


def visits(count: int = 900, seed: int = 1) -> tuple[Judged, dict[str, Any]]:
    """Visits of 1 to 9 views; what is known of a visit grows until the fifth."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, count)
    visit = np.repeat(np.arange(count), sizes)
    position = np.arange(len(visit)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    hidden = rng.normal(size=count)[visit]
    y = (rng.random(count)[visit] < 1 / (1 + np.exp(-2 * hidden))).astype(float)
    noise = rng.normal(size=len(visit)) * np.maximum(6 - position, 1)
    p = 1 / (1 + np.exp(-(hidden + noise) / 3))
    columns = {
        "position": position.astype(np.float32),
        "elapsed_seconds": (position * 20 - 20).astype(np.float32),
        "wait_seconds": np.zeros(len(visit), np.float32),
    }
    return Judged(y, p, visit, np.ones(len(visit))), columns


def test_each_bin_is_about_its_rows_alone() -> None:
    judged, columns = visits()
    found = moments(judged, columns)
    assert list(found) == ["position", "elapsed_seconds"]  # the wait does not vary
    for name in found:
        bins = found[name]["bins"]
        assert sum(each["n"] for each in bins) == len(judged)
        for each in bins:
            low = -np.inf if each["from"] is None else each["from"]
            high = np.inf if each["below"] is None else each["below"]
            rows = (columns[name] >= low) & (columns[name] < high)
            wanted = roc_auc_score(judged.y[rows], judged.p[rows])
            assert each["auc"] == pytest.approx(wanted)
            there = judged.subjects[columns[name] >= low]
            assert each["subjects_reaching"] == len(set(there.tolist()))
            positive = judged.subjects[(columns[name] >= low) & (judged.y == 1)]
            assert each["positives_reaching"] == len(set(positive.tolist()))


def test_rows_of_no_session_are_counted_and_left_out() -> None:
    judged, columns = visits()
    columns["elapsed_seconds"][::4] = np.nan
    found = moments(judged, columns)["elapsed_seconds"]
    gone = int(np.isnan(columns["elapsed_seconds"]).sum())
    assert found["unknown"] == gone
    assert sum(each["n"] for each in found["bins"]) == len(judged) - gone


@given(st.integers(0, 2**32 - 1), st.integers(1, 2000))
def test_every_bin_has_enough_subjects_of_both(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.geometric(0.2, rows).astype(float)
    y = (rng.random(rows) < 0.3).astype(float)
    subjects = rng.integers(0, rows, rows)
    judged = Judged(y, y, subjects, np.ones(rows))
    edges = merged_edges(judged, values, POSITION_EDGES)
    place = np.searchsorted(edges, values, "right")
    for number in range(len(edges) + 1):
        for outcome in (0, 1):
            there = set(subjects[(place == number) & (y == outcome)].tolist())
            assert not edges or len(there) >= LEAST_OF_A_CLASS


def a_bin(auc: float, reach: int, low: float | None = None) -> dict[str, Any]:
    return {
        "auc": auc,
        "auc_low": auc - 0.03 if low is None else low,
        "subjects_reaching": 2 * reach,
        "positives_reaching": reach,
        "from": None,
        "below": None,
    }


def test_the_earliest_good_moment_that_most_reach_is_advised() -> None:
    bins = [a_bin(0.6, 100), a_bin(0.7, 90), a_bin(0.715, 60), a_bin(0.9, 20)]
    found = when_to_ask(bins)
    assert found is not None
    assert (found["best"], found["earliest"], found["highest"]) == (2, 1, 3)
    assert found["share_of_positives"] == 0.9
    said = asking_said(bins, found)
    assert "0.700" in said and "90.0 %" in said and "0.900" in said


def test_no_moment_is_advised_where_the_model_guesses() -> None:
    assert when_to_ask([a_bin(0.51, 100), a_bin(0.52, 90)]) is None


def test_asking_at_once_is_said() -> None:
    bins = [a_bin(0.7, 100), a_bin(0.71, 90)]
    found = when_to_ask(bins)
    assert found is not None and asking_said(bins, found).startswith("Ask at once")


def test_one_question_a_subject_gives_no_advice() -> None:
    judged, columns = visits()
    alone = Judged(judged.y, judged.p, np.arange(len(judged)), judged.weight)
    assert "asking" not in moments(alone, columns)["position"]
    assert moments(judged, columns)["position"]["asking"]["earliest"] >= 3


def test_the_section_has_two_charts_for_each_kind_of_moment() -> None:
    judged, columns = visits()
    section = moments_section({"moments": moments(judged, columns)})
    assert section is not None
    assert [chart.name for chart in section.charts] == [
        "moments_position_auc",
        "moments_position_rate",
        "moments_elapsed_seconds_auc",
        "moments_elapsed_seconds_rate",
    ]
    assert "Ask from position" in section.body
    assert moments_section({"moments": {}}) is None


@pytest.mark.parametrize(
    ("name", "low", "high", "said"),
    [
        ("position", None, 2, "1"),
        ("position", 6, 8, "6 to 7"),
        ("position", 31, None, "31 or more"),
        ("elapsed_seconds", None, 1, "under 1 s"),
        ("elapsed_seconds", 60, 300, "1 min to 5 min"),
        ("wait_seconds", 86400, None, "1 d or more"),
    ],
)
def test_names_of_bins(name: str, low: Any, high: Any, said: str) -> None:
    assert bin_name(name, {"from": low, "below": high}) == said


def test_durations_take_their_largest_whole_unit() -> None:
    assert [duration(s) for s in (1, 90, 120, 7200, 172800)] == [
        "1 s",
        "90 s",
        "2 min",
        "2 h",
        "2 d",
    ]

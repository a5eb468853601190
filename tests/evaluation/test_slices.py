"""Groups of examples by statistic: their edges, their numbers, their section."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zap.evaluation.groups import Judged, judge_group
from zap.evaluation.slices import slice_edges, slices
from zap.evaluation.slices_section import group_name
from zap.evaluation.slices_section import slices as slices_section


def made(rows: int = 3000, seed: int = 0) -> tuple[Judged, np.ndarray[Any, Any]]:
    """Examples whose predictions are right where a count is low, too high elsewhere."""
    rng = np.random.default_rng(seed)
    pages = rng.integers(1, 13, rows).astype(float)
    truth = rng.uniform(0.05, 0.6, rows)
    y = (rng.random(rows) < truth).astype(float)
    p = np.where(pages > 8, np.minimum(truth + 0.3, 1), truth)
    return Judged(y, p, np.arange(rows) // 2, rng.uniform(0.5, 2, rows)), pages


def test_a_groups_numbers_are_those_of_its_rows_alone() -> None:
    judged, pages = made()
    (found,) = slices(judged, {"pages": pages}, {"pages": "number"})
    assert found["whole"] and len(found["groups"]) == 3
    for group in found["groups"]:
        low = -np.inf if group["from"] is None else group["from"]
        high = np.inf if group["below"] is None else group["below"]
        rows = (pages >= low) & (pages < high)
        y, p, w = judged.y[rows], judged.p[rows], judged.weight[rows]
        assert group["n"] == rows.sum() and group["positives"] == y.sum()
        assert group["base_rate"] == pytest.approx((w * y).sum() / w.sum())
        assert group["auc"] == pytest.approx(roc_auc_score(y, p, sample_weight=w))
        assert group["auc_low"] < group["auc"] < group["auc_high"]
        order = np.argsort(-p)
        top = order[np.cumsum(w[order]) <= 0.1 * w.sum()]
        assert group["top_decile_rate"] == pytest.approx(
            np.average(y[top], weights=w[top]), abs=0.02
        )
    off = [group["ece"] > group["ece_null_95_by_subject"] for group in found["groups"]]
    assert off == [False, False, True]


def test_true_or_false_is_a_slice_and_one_value_is_none() -> None:
    judged, pages = made(400)
    columns = {"many": (pages > 6).astype(float), "same": np.ones(400)}
    (found,) = slices(judged, columns, {"many": "bool", "same": "number"})
    yes, no = found["groups"]
    assert yes["yes"] is True and yes["n"] == (pages > 6).sum()
    assert no["yes"] is False and no["n"] == (pages <= 6).sum()


def test_examples_without_a_value_are_a_group_of_their_own() -> None:
    judged, pages = made(400)
    pages[::5] = np.nan
    (found,) = slices(judged, {"pages": pages}, {"pages": "number"})
    last = found["groups"][-1]
    assert group_name(last, True) == "no value" and last["n"] == 80
    assert sum(group["n"] for group in found["groups"]) == 400


@given(
    st.lists(
        st.one_of(st.integers(0, 9).map(float), st.floats(-1e6, 1e6)),
        min_size=1,
        max_size=60,
    )
)
def test_edges_leave_no_group_empty(values: list[float]) -> None:
    column = np.array(values)
    edges = slice_edges(column)
    assert edges == sorted(set(edges)) and len(edges) <= 2
    sizes = np.bincount(np.searchsorted(edges, column, "right"))
    assert len(sizes) == len(edges) + 1 and sizes.min() > 0
    assert bool(edges) == (column.min() < column.max())


@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_whole_numbers_are_cut_at_whole_numbers(values: list[int]) -> None:
    assert all(edge == int(edge) for edge in slice_edges(np.array(values, float)))


@pytest.mark.parametrize(
    ("low", "high", "whole", "name"),
    [
        (None, 4, True, "up to 3"),
        (4, 9, True, "4 to 8"),
        (4, 5, True, "4"),
        (9, None, True, "9 or more"),
        (None, 0.5, False, "below 0.5"),
        (0.5, 1200, False, "0.5 to 1,200"),
    ],
)
def test_names_of_groups(low: Any, high: Any, whole: bool, name: str) -> None:
    assert group_name({"from": low, "below": high}, whole) == name


def test_few_positives_are_rough() -> None:
    judged, _ = made(600)
    positives = np.cumsum(judged.y)
    assert judge_group(judged.take(positives <= 99))["rough"]
    assert not judge_group(judged.take(positives <= 100))["rough"]


def test_the_section_shows_every_group(made_metrics: dict[str, Any]) -> None:
    judged, pages = made()
    found = slices(judged, {"pages": pages}, {"pages": "number"})
    section = slices_section({**made_metrics, "slices": found})
    assert section is not None
    for group in found[0]["groups"]:
        assert f">{group_name(group, True)}" in section.body
        assert f"{group['n']:,}" in section.body
    assert [chart.name for chart in section.charts] == ["slices_pages"]
    assert slices_section(made_metrics) is None

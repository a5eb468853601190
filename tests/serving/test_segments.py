"""The segment of a prediction is the part of the report that it would have been in."""

from __future__ import annotations

import numpy as np
import pytest

from zap.evaluation import amount_curves, curves
from zap.evaluation.curves import SEGMENT_NAMES
from zap.serving.segments import Segments


@pytest.mark.parametrize("rows", [5, 100, 1_235])
def test_each_row_of_the_report_is_of_its_own_part(rows: int) -> None:
    rng = np.random.default_rng(rows)
    p = rng.permutation(np.arange(1, rows + 1) / (rows + 1))
    y = rng.random(rows) < p
    found = Segments.of_metrics({"segments": curves.segments(y, p)})
    assert found is not None
    ranked = np.sort(p)[::-1]
    for part, name in zip(np.array_split(ranked, 5), SEGMENT_NAMES, strict=True):
        # A row that lies across a cut may be of either part.
        inner = part[1:-1] if rows % 5 else part
        assert {found.of(value) for value in inner.tolist()} <= {name}
    assert found.of(1.0) == "very high" and found.of(0.0) == "very low"


def test_weights_move_the_bounds_and_ties_are_of_one_part() -> None:
    p = np.array([0.9, 0.8, 0.5, 0.5, 0.1])
    weight = np.array([1.0, 1.0, 1.0, 1.0, 6.0])
    parts = curves.segments([1, 0, 1, 0, 0], p, weight)
    assert [part["lowest_prediction"] for part in parts] == [0.8, 0.5, 0.1, 0.1, 0.1]
    found = Segments.of_metrics({"segments": parts})
    assert found is not None
    told = [found.of(value) for value in (0.95, 0.8, 0.79, 0.5, 0.49, 0.1, 0.05)]
    assert told == [
        *("very high", "very high", "high", "high"),
        *("medium", "medium", "very low"),
    ]


def test_amounts_have_them_too() -> None:
    amounts, p = np.arange(10.0), np.arange(10.0) * 3
    found = Segments.of_metrics(
        {"segments": amount_curves.segments(amounts, p, np.ones(10))}
    )
    assert found is not None
    assert [found.of(v) for v in (27.0, 24.0, 21.0, 0.0)] == [
        *("very high", "very high", "high", "very low")
    ]


def test_bundles_without_bounds_have_none() -> None:
    assert Segments.of_metrics({}) is None
    assert Segments.of_metrics({"segments": [{"name": "high"}]}) is None
    without = [{"name": "high", "lowest_prediction": None}]
    assert Segments.of_metrics({"segments": without}) is None

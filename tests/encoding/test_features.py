"""Each feature's entries, its JSON form, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zap.encoding.columns import Categorical, Numeric
from zap.encoding.feature import Feature
from zap.encoding.features import (
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.metadata import Tenure, Wait, tenure
from zap.errors import EncodingError

EVERY = [
    Hash("page"),
    Hash("agent.os", repeats="keep"),
    Hash("url.segments", limit=3),
    OneHot("n", 1, 10),
    OneHot("n", values=["a", 3, True]),
    OneHot("n"),
    Normalize("x"),
    Normalize("x", -1.5, 2),
    LinearBins("x"),
    LinearBins("x", 10, 11, smooth=True),
    PowerBins("x"),
    PowerBins("x", 0.1, 0.3, 10, 9),
    PowerBins("x", 0.1, 0.3, 10, 9).with_edges(),
    SincePrevious(),
    SincePrevious(1, 10, 100, 20, smooth=True),
    Tenure(1, 10, 100, 20),
    Wait(),
]


@pytest.mark.parametrize("feature", EVERY, ids=repr)
def test_a_feature_survives_json(feature: Feature) -> None:
    text = json.dumps(feature.to_dict(), allow_nan=False)
    again = Feature.from_dict(json.loads(text))
    assert again == feature and type(again) is type(feature)
    assert hash(again) == hash(feature)


@pytest.mark.parametrize(
    ("feature", "fitted"),
    [
        (Hash("page"), True),
        (OneHot("n"), False),
        (OneHot("n", values=[]), True),
        (Normalize("x"), False),
        (LinearBins("x"), False),
        (PowerBins("x"), False),
        (SincePrevious(), False),
        (SincePrevious(1, 10, 100, 20), True),
        (tenure(), False),
        (PowerBins("x", edges=[0, 1]), True),
    ],
)
def test_without_parameters_a_feature_is_unfitted(
    feature: Feature, fitted: bool
) -> None:
    assert feature.fitted is fitted


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"kind": "magic", "field": "x"}, "kinds hash, linear_bins.*kind='magic'"),
        ({"field": "x"}, "kind=None"),
        ({"kind": "hash", "field": "x", "n": 3}, "parameters field, repeats.*n=3"),
        ({"kind": "hash"}, "Hash could not be read"),
    ],
)
def test_a_wrong_object_is_refused(data: dict[str, Any], reason: str) -> None:
    with pytest.raises(EncodingError, match=reason):
        Feature.from_dict(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Hash("x", repeats="maybe"), "repeats must be"),
        (lambda: Hash("x", limit=0), "limit must be"),
        (lambda: OneHot("x", 1), "both low and high"),
        (lambda: OneHot("x", 5, 1), "high not below low"),
        (lambda: OneHot("x", 0.5, 3), "whole numbers"),
        (lambda: OneHot("x", 1, 2, values=["a"]), "not both"),
        (lambda: OneHot("x", values=["a", "a"]), "without repeats"),
        (lambda: OneHot("x", values="abc"), "must be a list"),
        (lambda: Normalize("x", 1), "both low and high"),
        (lambda: Normalize("x", 1, 1), "above low"),
        (lambda: LinearBins("x", 10), "all parameters"),
        (lambda: PowerBins("x", 1, 10), "all parameters"),
        (lambda: SincePrevious(1), "all parameters"),
    ],
)
def test_bad_parameters_are_refused(make: Callable[[], Feature], reason: str) -> None:
    with pytest.raises(EncodingError, match=f"{reason}.*Received"):
        make()


def found(feature: Feature, column: Numeric | Categorical) -> list[tuple[int, int]]:
    entries = feature.entries(column)
    return list(zip(entries.rows.tolist(), entries.places.tolist(), strict=True))


NUMBERS = Numeric(np.array([np.nan, 0, 1, 2.7, 10, 99, -np.inf]))


def test_one_hot_ranges_clip_and_round_down() -> None:
    places = found(OneHot("n", 1, 10), NUMBERS)
    assert places == [(1, 0), (2, 0), (3, 1), (4, 9), (5, 9), (6, 0)]


def test_one_hot_values_match_by_canonical_text() -> None:
    feature = OneHot("n", values=[10.0, "0", "x"])
    assert found(feature, NUMBERS) == [(1, 1), (4, 0)]
    texts = Categorical(np.array([0, 1, -1, 2], np.int32), ["x", "y", "10"])
    assert found(feature, texts) == [(0, 2), (3, 0)]


def test_booleans_count_as_numbers() -> None:
    flags = Categorical(np.array([1, 0, -1], np.int32), ["false", "true"])
    assert found(OneHot("flag", 0, 1), flags) == [(0, 1), (1, 0)]


def test_normalize_clips_and_leaves_zeros_out() -> None:
    entries = Normalize("x", 0, 10).entries(NUMBERS)
    assert entries.values is not None
    assert entries.rows.tolist() == [2, 3, 4, 5]
    assert entries.values == pytest.approx([0.1, 0.27, 1, 1])


@pytest.mark.parametrize(
    ("feature", "drops"),
    [
        (Hash("user_agent"), True),
        (Hash("agent.family"), True),
        (Hash("page"), False),
        (Hash("agent.family", repeats="keep"), False),
        (Hash("page", repeats="drop"), True),
    ],
)
def test_user_agents_drop_repeats_unless_told(feature: Hash, drops: bool) -> None:
    assert feature.drops_repeats is drops

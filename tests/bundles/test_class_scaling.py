"""Matrix scaling of K classes as it is applied."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.bundles.class_scaling import ClassScaling
from zap.errors import BundleError

NUMBERS = st.floats(-20, 20)


@st.composite
def scaled(draw: st.DrawFn) -> tuple[ClassScaling, np.ndarray]:
    """A scaling of 2 to 5 classes, and logits of some rows."""
    size = draw(st.integers(2, 5))
    row = st.lists(NUMBERS, min_size=size, max_size=size)
    weights = draw(st.lists(row, min_size=size, max_size=size))
    logits = draw(st.lists(row, min_size=1, max_size=9))
    names = tuple(f"class {i}" for i in range(size))
    bias = tuple(draw(row))
    return ClassScaling(names, tuple(map(tuple, weights)), bias), np.array(logits)


@given(scaled())
def test_equals_the_softmax_of_the_paper(case: tuple[ClassScaling, np.ndarray]) -> None:
    scaling, z = case
    q = z @ np.array(scaling.weights).T + np.array(scaling.bias)
    e = np.exp(q - q.max(axis=1, keepdims=True))
    expected = e / e.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaling.apply(z), expected, atol=1e-12, rtol=1e-9)


@given(scaled())
def test_a_score_does_not_depend_on_its_neighbours(
    case: tuple[ClassScaling, np.ndarray],
) -> None:
    scaling, z = case
    alone = np.concatenate([scaling.apply(row[None]) for row in z])
    assert scaling.apply(z).tobytes() == alone.tobytes()


@given(scaled())
def test_one_row_is_scored_as_among_others(
    case: tuple[ClassScaling, np.ndarray],
) -> None:
    scaling, z = case
    alone = np.array([scaling.one(row) for row in z.tolist()])
    assert alone.tobytes() == scaling.apply(z).tobytes()


@given(scaled())
def test_json_round_trip(case: tuple[ClassScaling, np.ndarray]) -> None:
    text = json.dumps(case[0].to_dict())
    assert ClassScaling.from_dict(json.loads(text)) == case[0]


def test_identity() -> None:
    plain = ClassScaling.identity(["a", "b", "c"])
    assert plain.is_identity and plain.outputs == 3
    z = np.array([[0.0, 0.0, np.log(2)], [-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(plain.apply(z), [[0.25, 0.25, 0.5], [0, 0, 1]])
    other = ClassScaling(("a", "b"), ((1.0, 0.5), (0.0, 1.0)), (0.0, 0.0))
    assert not other.is_identity and other.uncalibrated.is_identity


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [[1, 0]]},
        {"weights": "x"},
        {"weights": [[1, 0, 0], [0, 1, 0]]},
        {"bias": [0]},
        {"bias": 0},
        {"classes": ["a"]},
        {"classes": None},
    ],
)
def test_other_data_are_refused(change: dict[str, object]) -> None:
    good = ClassScaling.identity(["a", "b"]).to_dict()
    with pytest.raises(BundleError, match="Received: "):
        ClassScaling.from_dict({**good, **change})

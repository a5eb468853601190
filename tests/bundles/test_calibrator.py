"""Matrix scaling as it is applied."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.bundles.calibrator import MatrixScaling
from zap.errors import BundleError

NUMBERS = st.floats(-20, 20)
SCALINGS = st.builds(
    MatrixScaling,
    st.tuples(st.tuples(NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS)),
    st.tuples(NUMBERS, NUMBERS),
)
LOGITS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20)


@given(SCALINGS, LOGITS)
def test_equals_the_softmax_of_the_paper(
    scaling: MatrixScaling, logits: list[tuple[float, float]]
) -> None:
    z = np.array(logits)
    q = z @ np.array(scaling.weights).T + np.array(scaling.bias)
    e = np.exp(q - q.max(axis=1, keepdims=True))
    expected = (e / e.sum(axis=1, keepdims=True))[:, 1]
    np.testing.assert_allclose(scaling.apply(z), expected, atol=1e-12, rtol=1e-9)


@given(SCALINGS, LOGITS)
def test_a_score_does_not_depend_on_its_neighbours(
    scaling: MatrixScaling, logits: list[tuple[float, float]]
) -> None:
    z = np.array(logits)
    together = scaling.apply(z)
    alone = np.concatenate([scaling.apply(row[None]) for row in z])
    assert together.tobytes() == alone.tobytes()


@given(SCALINGS, LOGITS)
def test_one_row_is_scored_as_among_others(
    scaling: MatrixScaling, logits: list[tuple[float, float]]
) -> None:
    z = np.array(logits, np.float32)
    alone = np.array([scaling.one(row) for row in z.tolist()])
    assert alone.tobytes() == scaling.apply(z).tobytes()


@given(SCALINGS)
def test_json_round_trip(scaling: MatrixScaling) -> None:
    text = json.dumps(scaling.to_dict())
    assert MatrixScaling.from_dict(json.loads(text)) == scaling


def test_identity() -> None:
    assert MatrixScaling().is_identity
    assert MatrixScaling().apply([[0.0, 0.0], [-800.0, 800.0]]).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "isotonic", "weights": [[1, 0], [0, 1]], "bias": [0, 0]},
        {"kind": "matrix_scaling", "weights": [[1, 0]], "bias": [0, 0]},
        {"kind": "matrix_scaling", "weights": "x", "bias": [0, 0]},
        {"kind": "matrix_scaling", "weights": [[1, 0], [0, 1]], "bias": 0},
    ],
)
def test_other_data_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="matrix_scaling"):
        MatrixScaling.from_dict(data)

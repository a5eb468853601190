"""Means from a model's one output, as they are applied."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.bundles.calibrator import MatrixScaling
from zap.bundles.calibrators import calibrator_from_dict, plain, uncalibrated
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import Target
from zap.errors import BundleError

NUMBERS = st.floats(-5, 5)
SCALINGS = st.builds(
    MeanScaling,
    st.sampled_from(["log", "identity"]),
    st.floats(0.01, 1e4),
    NUMBERS,
    NUMBERS,
    NUMBERS,
)


@given(SCALINGS, st.lists(NUMBERS, min_size=1, max_size=9))
def test_equals_the_formula_row_by_row(scaling: MeanScaling, z: list[float]) -> None:
    column = np.array(z)[:, None]
    found = scaling.apply(column)
    for row, mean in zip(z, found.tolist(), strict=True):
        inner = scaling.slope * row + scaling.offset
        expected = scaling.scale * (
            math.exp(inner) if scaling.link == "log" else inner
        ) + (scaling.centre if scaling.link == "identity" else 0)
        assert mean == pytest.approx(expected, rel=1e-12, abs=1e-9)
    alone = np.concatenate([scaling.apply(row[None]) for row in column])
    assert found.tobytes() == alone.tobytes()


@given(SCALINGS, st.lists(NUMBERS | st.sampled_from([1e4, -1e4]), min_size=1))
def test_one_row_is_scored_as_among_others(
    scaling: MeanScaling, z: list[float]
) -> None:
    alone = np.array([scaling.one([each]) for each in z])
    assert alone.tobytes() == scaling.apply(np.array(z)[:, None]).tobytes()


@given(SCALINGS)
def test_json_round_trip(scaling: MeanScaling) -> None:
    text = json.dumps(scaling.to_dict())
    assert MeanScaling.from_dict(json.loads(text)) == scaling
    assert scaling.uncalibrated.is_identity


def test_a_mean_behind_the_logarithm_is_above_0_and_finite() -> None:
    found = MeanScaling("log", 30.0).apply([[-1e4], [0.0], [1e4]])
    assert found[0] == 0 and found[1] == 30 and np.isfinite(found[2])


@pytest.mark.parametrize(
    "change",
    [
        {"link": "probit"},
        {"scale": 0.0},
        {"scale": "wide"},
        {"slope": float("nan")},
        {"offset": None},
    ],
)
def test_other_data_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="Received: "):
        MeanScaling.from_dict({**MeanScaling().to_dict(), **change})


@pytest.mark.parametrize(
    "scaling",
    [
        MatrixScaling(((0.5, 0.0), (0.0, 2.0)), (0.0, 1.0)),
        ClassScaling.identity(["a", "b"]),
        MeanScaling("log", 3.0, slope=0.9),
    ],
)
def test_any_calibration_is_read_by_its_kind(scaling: object) -> None:
    text = json.dumps(scaling.to_dict())  # type: ignore[attr-defined]
    assert calibrator_from_dict(json.loads(text)) == scaling


def test_the_calibration_of_a_bundle_of_old_is_read() -> None:
    """As version 0.1 wrote it, before there were other kinds."""
    old = {"kind": "matrix_scaling", "weights": [[1, 0], [0, 1]], "bias": [0.0, 0.0]}
    assert calibrator_from_dict(old) == MatrixScaling()
    with pytest.raises(BundleError, match="matrix_scaling"):
        calibrator_from_dict({"kind": "isotonic"})


def test_what_a_target_s_outputs_mean_before_calibration() -> None:
    assert uncalibrated(Target()) == MatrixScaling()
    names = ("a", "b", "c")
    assert uncalibrated(Target("classes", names)) == ClassScaling.identity(names)
    amounts = Target("amount", link="identity", centre=-3.0, scale=2.0)
    assert uncalibrated(amounts).apply([[0.5]]).tolist() == [-2.0]
    assert [plain(n).outputs for n in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("target", "outputs"),
    [
        (Target(), 2),
        (Target("classes", ("a", "b")), 2),
        (Target("classes", ("a", "b", "c", "d")), 4),
        (Target("amount", link="log", scale=7.0, dispersion=3.0), 1),
    ],
)
def test_a_target_round_trips(target: Target, outputs: int) -> None:
    assert Target.from_dict(json.loads(json.dumps(target.to_dict()))) == target
    assert target.outputs == outputs

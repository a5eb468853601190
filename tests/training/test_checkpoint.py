"""The state of a training: it comes back as it was, from each kind of store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest

from zap.errors import BundleError
from zap.training.checkpoint import Checkpoint

HISTORY = [{"epoch": 1, "loss": 0.5}]


def state(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=size).astype(np.float32) for size in ((3, 4), (5,), ())]


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "local":
        return str(tmp_path / "new" / "state")
    return f"memory://{tmp_path.name}/state"


def test_what_is_saved_last_comes_back(folder: str) -> None:
    checkpoint = Checkpoint(folder, "a.npz")
    assert checkpoint.restore(state(0)) == []
    checkpoint.save(state(1), [])
    checkpoint.save(state(2), HISTORY)
    found = state(0)
    assert Checkpoint(folder, "a.npz").restore(found) == HISTORY
    for part, kept in zip(found, state(2), strict=True):
        assert np.array_equal(part, kept)
    assert Checkpoint(folder, "b.npz").restore(found) == []


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_damaged_state_is_none(folder: str, keep: int) -> None:
    Checkpoint(folder, "a.npz").save(state(1), HISTORY)
    with fsspec.open(f"{folder}/a.npz", "rb") as file:
        content = file.read()
    with fsspec.open(f"{folder}/a.npz", "wb") as file:
        file.write(content[:keep])
    found = state(0)
    assert Checkpoint(folder, "a.npz").restore(found) == []
    assert all(np.array_equal(a, b) for a, b in zip(found, state(0), strict=True))


def test_another_process_knows_the_examples_again() -> None:
    """Or no stopped run would ever resume; also with parts that are not there."""
    code = """
from conftest import made_visits
from zap.datasets.visits import InputSpec
from zap.training.checkpoint import fingerprint_of

visits = made_visits(50, 1, InputSpec(9, 60, 12, 40, 3))
assert visits.events.sources is None
print(fingerprint_of(visits, {"units": 3}))
"""
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(found) == 1, found


def test_a_store_that_refuses_is_no_beginning(tmp_path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(BundleError, match=r"a\.npz"):
        Checkpoint(tmp_path, "a.npz").restore(state(0))

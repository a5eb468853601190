"""Spaces as data: what they hold, what they refuse, and that they come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zap.bundles.kinds import MODEL_KINDS
from zap.errors import TrainingError
from zap.training.config import ModelConfig
from zap.training.space import (
    DEFAULT_SPACE,
    Choices,
    Range,
    check_base,
    default_space,
    read_space,
    space_from_dict,
    space_to_dict,
)


def test_the_defaults_lie_in_the_default_space() -> None:
    check_base(DEFAULT_SPACE, ModelConfig())
    assert set(DEFAULT_SPACE) - set(default_space(binary=False)) == {"positive_weight"}


def test_a_space_comes_back_from_its_json(tmp_path: Path) -> None:
    space = {**DEFAULT_SPACE, "batch": Choices((64, 128)), "average": Range(0.0, 0.9)}
    path = tmp_path / "space.json"
    path.write_text(json.dumps(space_to_dict(space)))
    assert read_space(path) == space


@pytest.mark.parametrize(
    ("domain", "held", "not_held"),
    [
        (Range(16, 128, step=16), [16, 48, 128], [15, 47, 144]),
        (Range(0.1, 0.7, step=0.1), [0.1, 0.3, 0.7], [0.15, 0.8]),
        (Range(1, 100, log=True), [1, 3.7, 100], [0.99, 101]),
        (Choices((64, 256)), [64, 256], [128]),
    ],
)
def test_what_a_domain_holds(domain, held: list, not_held: list) -> None:
    assert all(map(domain.holds, held))
    assert not any(map(domain.holds, not_held))


@pytest.mark.parametrize(
    ("name", "entry", "words"),
    [
        ("speed", {"low": 1, "high": 2}, "can be searched: embedding, units"),
        ("seed", {"low": 1, "high": 2}, "is luck"),
        ("epochs", {"low": 1, "high": 2}, "epoch by epoch"),
        ("l2", 3, "low and high"),
        ("l2", {"low": 1}, "low and high"),
        ("l2", {"low": 1, "high": 2, "by": 1}, "low and high"),
        ("l2", {"low": "1", "high": 2}, "numbers for low"),
        ("l2", {"low": None, "high": 2}, "numbers for low"),
        ("l2", {"low": True, "high": 2}, "numbers for low"),
        ("l2", {"low": 1, "high": 2, "log": 1}, "true or false for log"),
        ("l2", {"low": 2, "high": 2}, "low below high"),
        ("l2", {"low": float("nan"), "high": 2}, "low below high"),
        ("l2", {"low": 0, "high": 2, "log": True}, "low above 0"),
        ("l2", {"low": 1, "high": 2, "log": True, "step": 1}, "no step where log"),
        ("units", {"low": 16, "high": 40, "step": 16}, "leads from low to high"),
        ("units", {"low": 16, "high": 17, "step": 0.5}, "leads from low to high"),
        ("units", {"low": 16, "high": 32, "step": -1}, "leads from low to high"),
        ("units", {"low": 1.5, "high": 3}, "units to be a whole number"),
        ("units", {"low": 0, "high": 3}, "units to be at least 1"),
        ("dropout", {"low": 0, "high": 1}, r"dropout to be in \[0, 1\)"),
        ("batch", {"choices": [64]}, "two or more"),
        ("batch", {"choices": [64, 64]}, "two or more"),
        ("batch", {"choices": [[64], [32]]}, "two or more"),
        ("batch", {"choices": [64, 32], "low": 1}, "choices alone"),
        ("batch", {"choices": [64, "many"]}, "batch to be a whole number"),
    ],
)
def test_what_is_refused(name: str, entry: object, words: str) -> None:
    with pytest.raises(TrainingError, match=words) as refused:
        space_from_dict({name: entry})
    assert "Expected" in str(refused.value) and f"Received: {name}=" in str(
        refused.value
    )


def test_a_base_outside_the_space_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"starts from, which is 10\.0.*--config"):
        check_base({"l2": Range(20.0, 40.0)}, ModelConfig())
    check_base({"l2": Range(20.0, 40.0)}, ModelConfig(l2=30.0))


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_file_that_is_no_space_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "space.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TrainingError, match=r"object of ranges, such as .*space="):
        read_space(path)


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_each_kind_has_a_space_around_its_defaults(kind: str) -> None:
    space = default_space(binary=True, kind=kind)
    check_base(space, ModelConfig(kind=kind))
    assert space_from_dict(json.loads(json.dumps(space_to_dict(space)))) == space
    assert "positive_weight" not in default_space(binary=False, kind=kind)


def test_settings_of_another_kind_than_the_base_are_refused() -> None:
    space = space_from_dict({"heads": {"low": 1, "high": 8}})
    check_base(space, ModelConfig(kind="transformer"))
    with pytest.raises(TrainingError, match=r"'gru'. Received: heads=.*transformer"):
        check_base(space, ModelConfig())
    with pytest.raises(TrainingError, match="a search is of one kind"):
        space_from_dict({"kind": {"choices": ["gru", "cnn"]}})

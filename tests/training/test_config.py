"""The settings of a model."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from zap.bundles.kinds import MODEL_KINDS
from zap.errors import TrainingError
from zap.training.config import ModelConfig, settings_of

NAMES = [field.name for field in fields(ModelConfig)]


def test_json_round_trip() -> None:
    config = ModelConfig(units=7, dropout=0.5, positive_weight=3.0, seed=4)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert ModelConfig.from_dict({}) == ModelConfig()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0),
        ("units", 1.5),
        ("units", 10**8),
        ("batch", 2**31),
        ("units", "many"),
        ("batch", True),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("positive_weight", 0),
        ("average", 1.0),
        ("l2", -1e-9),
        ("seed", -1),
        ("patience", 0),
        ("epochs", None),
    ],
)
def test_unusable_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(TrainingError, match=f"Received: {name}="):
        ModelConfig.from_dict({name: value})


def test_counts_that_no_library_can_hold_are_refused() -> None:
    with pytest.raises(TrainingError, match="leaf_rows to be at least 1, and below"):
        ModelConfig(kind="trees", leaf_rows=10**12)


def test_unknown_setting_lists_those_that_exist() -> None:
    with pytest.raises(TrainingError, match=r"unit=3.*units"):
        ModelConfig.from_dict({"unit": 3})


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_each_kind_round_trips_with_its_own_settings_alone(kind: str) -> None:
    config = ModelConfig(kind=kind, seed=3)
    written = json.loads(json.dumps(config.to_dict()))
    assert ModelConfig.from_dict(written) == config and written["kind"] == kind
    assert tuple(written) == tuple(n for n in NAMES if n in settings_of(kind))


def test_settings_without_a_kind_are_of_the_recurrence() -> None:
    written = ModelConfig(units=7).to_dict()
    del written["kind"]
    assert ModelConfig.from_dict(written) == ModelConfig(kind="gru", units=7)


@pytest.mark.parametrize(
    ("kind", "name", "value", "of"),
    [
        ("gru", "heads", 2, "transformer"),
        ("gru", "layers", 3, "cnn, transformer"),
        ("cnn", "leaves", 7, "trees"),
        ("transformer", "kernel", 3, "cnn"),
        ("trees", "units", 64, "gru, cnn, transformer"),
        ("trees", "learning_rate", 0.1, "gru, cnn, transformer"),
    ],
)
def test_settings_of_another_kind_are_refused(
    kind: str, name: str, value: Any, of: str
) -> None:
    words = f"kind '{kind}'.*Received: {name}={value}, which is of {of}"
    with pytest.raises(TrainingError, match=words):
        ModelConfig(kind=kind, **{name: value})
    with pytest.raises(TrainingError, match=words):
        replace(ModelConfig(**{name: value, "kind": of.split(",")[0]}), kind=kind)
    default = getattr(ModelConfig(), name)
    with pytest.raises(TrainingError, match="Leave it out"):
        ModelConfig.from_dict({"kind": kind, name: default})


@pytest.mark.parametrize(
    ("name", "value"),
    [("leaves", 1), ("leaves", 65), ("shrinkage", 0.0), ("columns", 1.5)],
)
def test_unusable_values_of_trees_are_named(name: str, value: Any) -> None:
    with pytest.raises(TrainingError, match=f"Received: {name}="):
        ModelConfig.from_dict({"kind": "trees", name: value})


@pytest.mark.parametrize("kind", ["forest", None, 3])
def test_an_unknown_kind_lists_those_that_exist(kind: Any) -> None:
    with pytest.raises(TrainingError, match="gru, cnn, transformer, trees"):
        ModelConfig.from_dict({"kind": kind})

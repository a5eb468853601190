"""The settings of a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zap.errors import TrainingError
from zap.training.config import ModelConfig


def test_json_round_trip() -> None:
    config = ModelConfig(units=7, dropout=0.5, positive_weight=3.0, seed=4)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert ModelConfig.from_dict({}) == ModelConfig()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0),
        ("units", 1.5),
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


def test_unknown_setting_lists_those_that_exist() -> None:
    with pytest.raises(TrainingError, match=r"unit=3.*units"):
        ModelConfig.from_dict({"unit": 3})

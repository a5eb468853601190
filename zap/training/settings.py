"""Reads a model's settings from a file."""

from __future__ import annotations

import json
from pathlib import Path

from zap.errors import TrainingError
from zap.training.config import ModelConfig


def read_config(path: str | Path | None) -> ModelConfig:
    """The settings in a JSON file; the defaults where no file is given.

    Raises:
        TrainingError: the file is missing or is no JSON object of settings.
    """
    if path is None:
        return ModelConfig()
    try:
        settings = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(settings, dict):
            raise ValueError(f"it holds a {type(settings).__name__}, not an object")
    except (OSError, ValueError) as error:
        raise TrainingError(
            "Expected a JSON file with an object of settings, such as "
            f'{{"units": 64}}. Received: config={path}: {error}.'
        ) from error
    return ModelConfig.from_dict(settings)

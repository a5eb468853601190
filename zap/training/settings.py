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
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"Expected a JSON file of settings. Received: config={path}: {error}."
        ) from error
    return ModelConfig.from_dict(settings)

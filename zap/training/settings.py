"""Reads a model's settings from a file."""

from __future__ import annotations

import json

from zap.bundles.files import Where, files_at, local_path
from zap.errors import TrainingError
from zap.training.config import ModelConfig


def read_config(path: Where | None) -> ModelConfig:
    """The settings in a JSON file of a disk or a store; the defaults without one.

    Raises:
        TrainingError: the file is missing or is no JSON object of settings.
        BundleError: its place cannot be read.
    """
    if path is None:
        return ModelConfig()
    local = local_path(path)
    where, _, name = str(path).rpartition("/")
    files = files_at(local.parent if local else where)
    content = files.find(local.name if local else name)
    try:
        if content is None:
            raise ValueError("no such file")
        settings = json.loads(content)
        if not isinstance(settings, dict):
            raise ValueError(f"it holds a {type(settings).__name__}, not an object")
    except ValueError as error:
        raise TrainingError(
            "Expected a JSON file with an object of settings, such as "
            f'{{"units": 64}}. Received: config={path}: {error}. Correct it.'
        ) from error
    return ModelConfig.from_dict(settings)

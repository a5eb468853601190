"""Reads a model's settings from a file."""

from __future__ import annotations

import json

from zap.bundles.files import Where, files_at, local_path, read
from zap.errors import BundleError, TrainingError
from zap.training.config import ModelConfig


def read_config(path: Where | None) -> ModelConfig:
    """The settings in a JSON file of a disk or a store; the defaults without one.

    Raises:
        TrainingError: the file is missing or is no JSON object of settings.
    """
    if path is None:
        return ModelConfig()
    local = local_path(path)
    where, _, name = str(path).rpartition("/")
    files = files_at(local.parent if local else where)
    try:
        settings = json.loads(read(files, local.name if local else name))
        if not isinstance(settings, dict):
            raise ValueError(f"it holds a {type(settings).__name__}, not an object")
    except (BundleError, ValueError) as error:
        raise TrainingError(
            "Expected a JSON file with an object of settings, such as "
            f'{{"units": 64}}. Received: config={path}: {error}.'
        ) from error
    return ModelConfig.from_dict(settings)

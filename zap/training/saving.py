"""A trained model as the bytes of a Keras file, for warm starts and inspection."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zap.training.trainer import TrainedModel


def keras_file(trained: TrainedModel) -> bytes:
    """The model in Keras' own format (``.keras``): a zip of JSON and weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        trained.model.save(path)
        return path.read_bytes()

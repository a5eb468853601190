"""Keras files: equal for equal weights, whenever they were saved."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from zap.datasets.visits import InputSpec
from zap.training.backend import keras
from zap.training.config import ModelConfig
from zap.training.keras_file import keras_bytes, undated
from zap.training.model import SequenceModel


def at(content: bytes, year: int) -> bytes:
    """The same file as if it had been saved in another year."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "metadata.json":
                saved = {**json.loads(part), "date_saved": f"{year}-01-02@03:04:05"}
                part = json.dumps(saved).encode()
            new.writestr(zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6)), part)
    return made.getvalue()


def test_no_date_is_left(tmp_path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    content = keras_bytes(model)
    assert at(content, 2001) != at(content, 2002)
    assert undated(at(content, 2001)) == undated(at(content, 2002)) == content
    (tmp_path / "m.keras").write_bytes(content)
    read = keras.models.load_model(tmp_path / "m.keras")
    for one, other in zip(read.weights, model.weights, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def test_models_of_one_process_are_equal_files() -> None:
    """Keras numbers what has no name, and the second model is another number."""
    spec = InputSpec(4, 9, 3, 5, 2)
    models = [SequenceModel(spec, ModelConfig(units=3)) for _ in range(2)]
    assert keras_bytes(models[0]) == keras_bytes(models[1])


def test_other_weights_are_another_file() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    before = keras_bytes(model)
    model.weights[0].assign_add(np.ones((2, 3), np.float32))
    assert keras_bytes(model) != before

"""Weights of an earlier model to begin a training with.

They mean something only where the inputs mean the same: one encoder, and layers of the
same shapes. Where they don't, the reason is told and the training begins anew.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from zap.bundles.bundle import Bundle
from zap.datasets.visits import InputSpec
from zap.encoding.columns import Float32Array
from zap.training.backend import keras
from zap.training.config import ModelConfig
from zap.training.model import SequenceModel


def weights_of(bundle: Bundle) -> list[Float32Array]:
    """The weights of a bundle's Keras model, in the order of its variables.

    Raises:
        BundleError: the bundle has no such model, or it is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(bundle.read("model.keras"))
        model = keras.models.load_model(path, compile=False)
    return [np.asarray(v.numpy(), np.float32) for v in model.trainable_variables]


def why_not(
    bundle: Bundle,
    weights: list[Float32Array],
    encoder_fingerprint: str,
    spec: InputSpec,
    config: ModelConfig,
    outputs: int,
) -> str | None:
    """Why a training can't begin with a bundle's weights; None if it can.

    Args:
        bundle: the earlier model.
        weights: its weights.
        encoder_fingerprint: of the encoder that made the new examples.
        spec: the shape of the new model's inputs.
        config: the new model's settings.
        outputs: how many numbers it gives.
    """
    before = bundle.info.get("encoder_fingerprint")
    if before != encoder_fingerprint:
        return f"its encoder is another one ({before}, not {encoder_fingerprint})"
    model = SequenceModel(spec, config, outputs)
    shapes = [tuple(v.shape) for v in model.trainable_variables]
    if shapes != [weight.shape for weight in weights]:
        return "its layers have other shapes"
    return None

"""``python -m bench.serving.keras_form BUNDLE OUTPUT``: a GRU as Keras' layers freeze.

In a process of its own, since it loads TensorFlow. The recurrence is Keras' own layer
with the bundle's weights, unrolled and masked, and converted as LiteRT's documentation
shows it: what somebody gets who freezes such a model by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bench.serving.saved_model import one_instance, restored
from zap.bundles.bundle import Bundle
from zap.training.backend import keras, tf
from zap.training.model import SequenceModel, States


def keras_recurrence(model: SequenceModel, steps: int) -> Any:
    """Keras' layer with the weights of the model's reader."""
    reader = model.reader()
    units = reader.units
    layer = keras.layers.GRU(units, unroll=True, reset_after=True)
    layer.build((None, steps, reader.settings["inputs"]))
    recurrent_bias = np.zeros(3 * units, np.float32)
    recurrent_bias[2 * units :] = reader.recurrent_bias.numpy()
    bias = np.stack([reader.bias.numpy(), recurrent_bias])
    layer.set_weights([reader.kernel.numpy(), reader.recurrent.numpy(), bias])
    return layer


def converted(model: SequenceModel) -> bytes:
    """The model of one instance as a LiteRT file."""
    spec = model.spec
    layer = keras_recurrence(model, spec.last)

    @tf.function(input_signature=one_instance(spec), autograph=False)
    def logits(
        indices: Any,
        values: Any,
        length: Any,
        metadata_indices: Any,
        metadata_values: Any,
    ) -> Any:
        vectors = model.first.looked_up(indices, values)
        there = tf.sequence_mask(length, spec.last)
        sequence = layer(vectors, mask=there)
        total = tf.reduce_sum(vectors * tf.cast(there, tf.float32)[..., None], axis=1)
        metadata = model.metadata.looked_up(metadata_indices, metadata_values)
        return model.head(States(sequence, total, length), metadata)

    function = logits.get_concrete_function()
    found: bytes = tf.lite.TFLiteConverter.from_concrete_functions(
        [function], model
    ).convert()
    return found


def main() -> None:
    """Convert one."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.keras_form")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    args.output.write_bytes(converted(restored(Bundle.load(args.bundle))))


if __name__ == "__main__":
    main()

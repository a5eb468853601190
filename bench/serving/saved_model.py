"""``python -m bench.serving.saved_model BUNDLE OUTPUT``: a SavedModel of a Keras model.

In a process of its own, since it loads TensorFlow. The function takes one instance; its
recurrence goes through the events that there are and leaves out the blanks. Unrolled
over all 40 places, as LiteRT needs it, TensorFlow takes up to twice as long.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.datasets.visits import InputSpec
from zap.serving.frozen import INPUTS
from zap.training.backend import keras, tf
from zap.training.model import SequenceModel, States


def restored(bundle: Bundle) -> SequenceModel:
    """The Keras model of a bundle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(bundle.read("model.keras"))
        model: SequenceModel = keras.models.load_model(path, compile=False)
    return model


def one_instance(spec: InputSpec) -> list[Any]:
    """The signature of a function of one instance."""
    events = (1, spec.last, max(spec.event_width, 1))
    metadata = (1, max(spec.metadata_width, 1))
    shapes = [
        (events, tf.int32), (events, tf.float32), ((1,), tf.int32),
        (metadata, tf.int32), (metadata, tf.float32),
    ]  # fmt: skip
    return [
        tf.TensorSpec(shape, dtype, name=name)
        for name, (shape, dtype) in zip(INPUTS, shapes, strict=True)
    ]


def logits_of(
    model: SequenceModel,
    indices: Any,
    values: Any,
    length: Any,
    metadata_indices: Any,
    metadata_values: Any,
) -> Any:
    """Logits of one instance."""
    count = tf.maximum(length[0], 1)
    events = model.first.looked_up(indices[:, :count], values[:, :count])
    total = tf.cumsum(tf.pad(events, [(0, 0), (1, 0), (0, 0)]), axis=1)
    sequence = model.reader()(events)
    states = States(
        *(tf.gather(part, length, batch_dims=1) for part in (sequence, total)), length
    )
    metadata = model.metadata.looked_up(metadata_indices, metadata_values)
    return model.head(states, metadata)


def export(bundle: Bundle, output: Path) -> None:
    """Write the SavedModel."""
    model = restored(bundle)

    @tf.function(input_signature=one_instance(model.spec), autograph=False)
    def logits(*inputs: Any) -> Any:
        return {"logits": logits_of(model, *inputs)}

    module = tf.Module()
    module.model = model
    tf.saved_model.save(module, str(output), signatures=logits)


def main() -> None:
    """Export one."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.saved_model")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    export(Bundle.load(args.bundle), args.output)


if __name__ == "__main__":
    main()

"""Freezing: a trained model as a LiteRT file, whose scores do not depend on padding.

Of blank events exact zeros are added to a row's sum, and the reader's state is that
after the last event, so that they leave both bit-equal; and no operation mixes rows, so
that a score is the same whatever else is in its batch. Every score that is stored or
compared comes from this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import BoolArray
from zap.errors import TrainingError
from zap.serving.frozen import INPUTS, at_least_one
from zap.serving.scorer import Scorer
from zap.serving.stderr import silent_stderr
from zap.training.backend import as_constants, tf
from zap.training.batches import Batches
from zap.training.model import SequenceModel, States
from zap.training.models.padded import Padded
from zap.training.trainer import TrainedModel, batch_logits

TOLERANCE = 1e-5
_ENOUGH = 256


def freeze(trained: TrainedModel, spec: InputSpec | None = None) -> bytes:
    """The model as a LiteRT flatbuffer.

    Its inputs are ``indices`` int32 (b, last, width), ``values`` float32 of the same
    shape, ``length`` int32 (b,), ``metadata_indices`` int32 (b, metadata width) and
    ``metadata_values`` float32 of that shape; its output is float32 (b, outputs)
    logits. b may be resized.

    Args:
        trained: the model; its sample is scored by both forms.
        spec: the shape of the inputs; must be that of the model.

    Raises:
        TrainingError: the frozen scores differ from Keras' by more than 1e-5.
    """
    if spec is not None and spec != trained.spec:
        raise TrainingError(
            f"Expected the inputs the model was trained with: {trained.spec}. "
            f"Received: spec={spec}. Freeze with the spec of its dataset."
        )
    frozen = convert(trained.model)
    difference = largest_difference(trained, frozen, trained.sample)
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"Expected frozen and Keras logits to agree within {TOLERANCE}. "
            f"Received: largest difference={difference:.3g}. Train with a smaller "
            "learning_rate or a larger l2, so that the weights stay moderate."
        )
    return frozen


def convert(model: SequenceModel) -> bytes:
    """The model as a LiteRT flatbuffer, unchecked."""
    signature = [_input_spec(name, at_least_one(model.spec)) for name in INPUTS]

    @tf.function(input_signature=signature, autograph=False)
    def logits(*inputs: Any) -> Any:
        return _logits(model, *inputs)

    with silent_stderr():
        # Without this the file would hold variables that nothing initialises.
        constant = as_constants(logits.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([constant])
        frozen: bytes = converter.convert()
    return frozen


def largest_difference(trained: TrainedModel, frozen: bytes, visits: Visits) -> float:
    """Largest difference between frozen and Keras logits, relative above 1.

    Args:
        trained: the Keras model.
        frozen: its LiteRT form.
        visits: examples to score.
    """
    few = visits.take_cutoffs(_first(visits.cutoffs, _ENOUGH))
    if not few.cutoffs:
        return 0.0
    ours = Scorer(frozen, trained.spec).logits(few)
    worst = []
    batches = Batches(few, trained.spec, _ENOUGH, label_type=trained.target.label_type)
    for batch, cutoffs in batches.in_order():
        # Where the frozen form runs too: an accelerator adds in another order.
        with tf.device("/CPU:0"):
            theirs = batch_logits(trained.model, batch).numpy()[: len(cutoffs)]
        scale = np.maximum(1.0, np.abs(theirs))
        worst.append(np.max(np.abs(ours[cutoffs] - theirs) / scale))
    # np.max, since max() forgets a NaN.
    return float(np.max(worst))


def _first(size: int, count: int) -> BoolArray:
    keep: BoolArray = np.arange(size) < count
    return keep


def _input_spec(name: str, spec: InputSpec) -> Any:
    shapes = {
        "indices": ((None, spec.last, spec.event_width), tf.int32),
        "values": ((None, spec.last, spec.event_width), tf.float32),
        "length": ((None,), tf.int32),
        "metadata_indices": ((None, spec.metadata_width), tf.int32),
        "metadata_values": ((None, spec.metadata_width), tf.float32),
    }
    shape, dtype = shapes[name]
    return tf.TensorSpec(shape, dtype, name=name)


def _logits(
    model: SequenceModel,
    indices: Any,
    values: Any,
    length: Any,
    metadata_indices: Any,
    metadata_values: Any,
) -> Any:
    events = Padded(model.first, indices, values, length)
    states = States(*model.reader().frozen(events), length)
    metadata = model.metadata.looked_up(metadata_indices, metadata_values)
    return model.head(states, metadata)

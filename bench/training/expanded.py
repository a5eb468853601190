"""The expanded form, as one writes it by hand in Keras: a row for each cutoff.

The same function as Zap's model, of other parts: Keras' GRU and Dense layers, over
multi-hot vectors or looked-up rows that are padded. Its weights are Zap's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zap.datasets.serialize import serialize
from zap.datasets.visits import InputSpec, Visits, take_rows
from zap.encoding.columns import SparseRows
from zap.encoding.padding import pad_instances, pad_rows
from zap.training.backend import keras, tf
from zap.training.config import ModelConfig
from zap.training.model import SequenceModel

Arrays = dict[str, np.ndarray]
POOL = 16  # batches whose rows are sorted by length together


class ExpandedModel(keras.Model):
    """Logits of padded rows, one for each cutoff.

    Args:
        spec: the shape of the inputs.
        config: sizes of the layers, and dropout.
    """

    def __init__(self, spec: InputSpec, config: ModelConfig):
        super().__init__()
        self.spec, dense = spec, keras.layers.Dense
        self.first = dense(config.embedding)
        self.gru = keras.layers.GRU(
            config.units, reset_after=True, return_sequences=True
        )
        self.metadata = dense(config.metadata_units, activation="relu")
        self.merge = dense(config.merged_units, activation="relu")
        self.logits = dense(2)
        self.drop = [keras.layers.Dropout(config.dropout) for _ in range(3)]
        self.first.build((None, spec.event_size))
        self.gru.build((None, None, config.embedding))
        self.metadata.build((None, spec.metadata_size))
        merged = config.units + config.embedding + 1 + config.metadata_units
        self.merge.build((None, merged))
        self.logits.build((None, config.merged_units))
        self.built = True

    @property
    def parts(self) -> list[Any]:
        """The variables in the order of Zap's."""
        layers = (self.first, self.gru, self.metadata, self.merge, self.logits)
        return [variable for layer in layers for variable in layer.trainable_variables]

    def take_weights(self, model: SequenceModel) -> None:
        """Takes the weights of Zap's model."""
        units = model.config.units
        values = [w.numpy() for w in model.trainable_variables]
        at = [w.path for w in model.trainable_variables].index("recurrence/bias")
        bias = np.zeros((2, 3 * units), np.float32)
        bias[0], bias[1, 2 * units :] = values[at], values[at + 1]
        values[at : at + 2] = [bias]
        for variable, value in zip(self.parts, values, strict=True):
            variable.assign(value)

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Logits; float32, shape (rows, 2)."""
        events = self.drop[0](
            self._product(self.first, inputs, "events"), training=training
        )
        rows, length = tf.shape(events)[0], inputs["length"]
        real = tf.sequence_mask(length, tf.shape(events)[1], tf.float32)
        # Blanks follow the events, so that the state at the last event needs no mask.
        states = self.gru(events, training=training)
        states = tf.pad(states, [(0, 0), (1, 0), (0, 0)])
        state = tf.gather_nd(states, tf.stack([tf.range(rows), length], axis=1))
        size = tf.cast(length, tf.float32)[:, None]
        mean = tf.einsum("rse,rs->re", events, real) / tf.maximum(size, 1)
        count = tf.math.log1p(size) / np.log1p(self.spec.last)
        metadata = tf.nn.relu(self._product(self.metadata, inputs, "metadata"))
        merged = tf.concat([state, mean, count, metadata], axis=1)
        hidden = self.merge(self.drop[1](merged, training=training))
        return self.logits(self.drop[2](hidden, training=training))

    def _product(self, layer: Any, inputs: Mapping[str, Any], name: str) -> Any:
        """The layer's linear part, of multi-hot vectors or of looked-up rows."""
        if name in inputs:
            return tf.tensordot(inputs[name], layer.kernel, 1) + layer.bias
        rows = tf.gather(layer.kernel, inputs[f"{name}_indices"])
        values = inputs[f"{name}_values"]
        return tf.reduce_sum(rows * values[..., None], axis=-2) + layer.bias


class Trainer:
    """Steps of Adam, with L2 and averaged weights, as Zap's trainer takes them."""

    def __init__(self, model: ExpandedModel, config: ModelConfig, examples: int):
        self.model = model
        self._l2 = config.l2 / examples
        self._optimizer = keras.optimizers.Adam(
            config.learning_rate, use_ema=True, ema_momentum=config.average
        )
        self._optimizer.build(model.trainable_variables)
        self._kernels = [v for v in model.parts if len(v.shape) == 2]
        self.step = tf.function(self._step, autograph=False, reduce_retracing=True)

    def _step(self, batch: Mapping[str, Any]) -> Any:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(losses(self.model(batch, training=True), batch))
            squares = sum(tf.reduce_sum(tf.square(k)) for k in self._kernels)
            total = loss + self._l2 * squares
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(total, variables)]
        self._optimizer.apply(gradients, variables)
        return loss


def losses(logits: Any, batch: Mapping[str, Any]) -> Any:
    """The weighted cross-entropy of each row."""
    margin = logits[:, 1] - logits[:, 0]
    return batch["weight"] * tf.nn.sigmoid_cross_entropy_with_logits(
        batch["label"], margin
    )


def cuts(visits: Visits, size: int, bucketed: bool) -> list[np.ndarray]:
    """The batches of a pool of shuffled cutoffs: int64 numbers of cutoffs.

    Args:
        visits: the examples.
        size: cutoffs in a batch.
        bucketed: whether the pool is sorted by length before it is cut.
    """
    order = np.random.default_rng(0).permutation(visits.cutoffs)
    some = order[: POOL * size]
    if bucketed:
        length = visits.stop - visits.start
        some = some[np.argsort(length[some], kind="stable")]
    return [some[at : at + size] for at in range(0, len(some), size)]


def rows_of(
    visits: Visits, cutoffs: np.ndarray, spec: InputSpec, steps: int, multi_hot: bool
) -> Arrays:
    """Padded rows of some cutoffs.

    Args:
        visits: the examples.
        cutoffs: int64, shape (rows,).
        spec: the shape of the inputs.
        steps: places for events.
        multi_hot: whether vectors are written out, or given by their entries.
    """
    start, stop = visits.start[cutoffs], visits.stop[cutoffs]
    metadata = take_rows(visits.metadata, cutoffs)
    arrays = {
        "length": (stop - start).astype(np.int32),
        "label": visits.label[cutoffs],
        "weight": visits.weight[cutoffs],
    }
    width = max(1, spec.event_width)
    indices, values, _ = pad_instances(visits.events, start, stop, steps, width)
    if multi_hot:
        hot = np.zeros((*indices.shape[:2], spec.event_size), np.float32)
        # Blank entries, of value 0, must not overwrite: they are added.
        places = np.ogrid[: hot.shape[0], : hot.shape[1]]
        for at in range(width):
            hot[places[0], places[1], indices[..., at]] += values[..., at]
        arrays |= {"events": hot, "metadata": _dense(metadata, spec.metadata_size)}
        return arrays
    own = pad_rows(metadata, max(1, spec.metadata_width))
    names = ("events_indices", "events_values", "metadata_indices", "metadata_values")
    return arrays | dict(zip(names, (indices, values, *own), strict=True))


def _dense(rows: SparseRows, size: int) -> np.ndarray:
    dense = np.zeros((len(rows), size), np.float32)
    row = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    dense[row, rows.indices] = rows.values
    return dense


def records_of(arrays: Arrays) -> list[bytes]:
    """A serialized tf.Example for each row."""
    columns = {}
    for name in sorted(arrays):
        flat = arrays[name].reshape(len(arrays[name]), -1)
        kind = np.int64 if flat.dtype.kind == "i" else np.float32
        ends = np.arange(len(flat) + 1, dtype=np.int64) * flat.shape[1]
        columns[name] = (flat.astype(kind).ravel(), ends)
    return serialize(columns)

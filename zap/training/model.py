"""The model: a reader of events and dense layers over metadata, merged.

The shape is that of the paper's section 3, where the reader is a recurrence, with one
addition. Beside the reader's state a running sum of the event vectors and the number of
events reach the merging layer: how often things happened is what small data sets can
teach, and a recurrence learns to count only from many examples. All are causal, so one
pass over a visit's events serves all of its cutoffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zap.datasets.visits import InputSpec
from zap.training.backend import keras, tf
from zap.training.config import ModelConfig
from zap.training.layers import SparseDense, dropped
from zap.training.models.readers import Reader, reader_of

BINARY_OUTPUTS = 2


class States(NamedTuple):
    """What the model carries along the events.

    Attributes:
        sequence: float32, shape (..., units): of the reader.
        total: float32, shape (..., embedding): the sum of the event vectors.
        count: int32, shape (...): the number of events.
    """

    sequence: Any
    total: Any
    count: Any


@keras.saving.register_keras_serializable(package="zap")
class SequenceModel(keras.Model):
    """Logits from the last events and the metadata of an instance.

    Args:
        spec: the shape of the inputs.
        config: the kind of the reader, and the sizes of the layers.
        outputs: number of logits: 2 for a yes or no, K for K classes, 1 for a mean.
    """

    def __init__(
        self,
        spec: InputSpec | Mapping[str, int],
        config: ModelConfig | Mapping[str, Any],
        outputs: int = BINARY_OUTPUTS,
        **options: Any,
    ):
        # Keras would number the models of a process in a name that it writes to files.
        super().__init__(**{"name": "sequence", **options})
        self.outputs = outputs
        self.spec = spec if isinstance(spec, InputSpec) else InputSpec(**spec)
        self.config = (
            config if isinstance(config, ModelConfig) else ModelConfig.from_dict(config)
        )
        self._make_layers()

    def _make_layers(self) -> None:
        spec, config, seed = self.spec, self.config, 10 * self.config.seed
        self.first = SparseDense(spec.event_size, config.embedding, seed, name="first")
        reader = reader_of(config, spec.last, seed + 1)
        # Under its own name: a Keras file names weights by attributes.
        self._reader_name = reader.name
        setattr(self, reader.name, reader)
        self.metadata = SparseDense(
            spec.metadata_size, config.metadata_units, seed + 3, name="metadata"
        )
        self.merge = self._dense(config.merged_units, seed + 4, "merge")
        self.logits = self._dense(self.outputs, seed + 5, "logits")
        merged = config.units + config.embedding + 1 + config.metadata_units
        for layer in (self.first, reader, self.metadata):
            layer.build()
        self.merge.build((None, merged))
        self.logits.build((None, config.merged_units))
        # A table and not a logarithm in the graph: looked-up numbers are bit-equal
        # wherever they are looked up.
        counts = np.log1p(np.arange(spec.last + 1)) / np.log1p(spec.last)
        self.count_table = counts.astype(np.float32)[:, None]
        self.built = True

    def _dense(self, units: int, seed: int, name: str) -> Any:
        initializer = keras.initializers.GlorotUniform(seed=seed)
        return keras.layers.Dense(units, kernel_initializer=initializer, name=name)

    def reader(self) -> Reader:
        """What makes states of the events."""
        reader: Reader = getattr(self, self._reader_name)
        return reader

    @property
    def kernels(self) -> list[Any]:
        """The weights that L2 regularises: all that multiply an input."""
        return [
            self.first.kernel,
            *self.reader().kernels,
            self.metadata.kernel,
            self.merge.kernel,
            self.logits.kernel,
        ]

    def states(self, indices: Any, values: Any, seed: Any = None) -> States:
        """The states after 0, 1, ... events of each row.

        Args:
            indices: int32, shape (rows, steps, width).
            values: float32, shape (rows, steps, width).
            seed: int32, shape (2,), of dropout; None when not training.

        Returns:
            States of shape (rows, steps + 1, ...).
        """
        events = dropped(self.first(indices, values), self.config.dropout, seed)
        sequence = self.reader()(events)
        total = tf.cumsum(tf.pad(events, [(0, 0), (1, 0), (0, 0)]), axis=1)
        rows, places = tf.shape(total)[0], tf.shape(total)[1]
        count = tf.broadcast_to(tf.range(places), (rows, places))
        return States(sequence, total, count)

    def head(self, states: States, metadata: Any, seed: Any = None) -> Any:
        """Logits from the states and the metadata at some cutoffs.

        Args:
            states: of shape (cutoffs, ...).
            metadata: float32, shape (cutoffs, metadata units): what the layer
                ``metadata`` makes of the metadata vectors.
            seed: int32, shape (2,), of dropout; None when not training.

        Returns:
            float32, shape (cutoffs, outputs); of a yes or no, the logits of the
            negative and the positive class.
        """
        size = tf.cast(tf.maximum(states.count, 1), tf.float32)[:, None]
        count = tf.gather(self.count_table, states.count)
        metadata = tf.nn.relu(metadata)
        parts = [states.sequence, states.total / size, count, metadata]
        merged = dropped(tf.concat(parts, axis=1), self.config.dropout, seed)
        hidden = tf.nn.relu(self.merge(merged))
        seed = None if seed is None else seed + 1
        return self.logits(dropped(hidden, self.config.dropout, seed))

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Logits of instances; inputs as in the frozen model."""
        states = self.states(inputs["indices"], inputs["values"])
        at = tf.cast(inputs["length"], tf.int32)
        chosen = States(*(tf.gather(part, at, batch_dims=1) for part in states))
        metadata = inputs["metadata_indices"], inputs["metadata_values"]
        return self.head(chosen, self.metadata(*metadata))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the model."""
        arguments = {"spec": self.spec.to_dict(), "config": self.config.to_dict()}
        if self.outputs == BINARY_OUTPUTS:
            return arguments
        return {**arguments, "outputs": self.outputs}

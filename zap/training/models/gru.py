"""A gated recurrent unit (GRU): a state is carried from each event to the next.

Training needs all states at once, as fast as possible and with gradients. The frozen
form needs the last one only, in a loop of the kind that LiteRT converts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zap.training.backend import keras, tf
from zap.training.models.padded import Padded
from zap.training.recurrence import states_after

_CLOSED = -1e9  # a sum of which the sigmoid is 0, whatever else is in it


@keras.saving.register_keras_serializable(package="zap")
class EventRecurrence(keras.layers.Layer):
    """A gated recurrent unit (GRU) with its steps in the open.

    Args:
        inputs: length of an event's vector.
        units: length of the state.
        seed: of the first kernels.
    """

    def __init__(self, inputs: int, units: int, seed: int, **options: Any):
        super().__init__(**options)
        self.settings = {"inputs": inputs, "units": units, "seed": seed}
        self.units = units

    def build(self, *shapes: Any) -> None:
        """Makes the weights: kernels (inputs, 3 units), (units, 3 units), biases."""
        inputs, units, seed = (self.settings[k] for k in ("inputs", "units", "seed"))
        self.kernel = self.add_weight(
            shape=(inputs, 3 * units),
            initializer=keras.initializers.GlorotUniform(seed=seed),
            name="kernel",
        )
        self.recurrent = self.add_weight(
            shape=(units, 3 * units),
            initializer=keras.initializers.Orthogonal(seed=seed + 1),
            name="recurrent",
        )
        self.bias = self.add_weight(
            shape=(3 * units,), initializer="zeros", name="bias"
        )
        self.recurrent_bias = self.add_weight(
            shape=(units,), initializer="zeros", name="recurrent_bias"
        )
        self.built = True

    def project(self, events: Any) -> Any:
        """The inputs' share of the gates; (rows, inputs) -> (rows, 3 units)."""
        return tf.matmul(events, self.kernel) + self.bias

    def call(self, events: Any) -> Any:
        """The states after 0, 1, ... events.

        Args:
            events: float32, shape (rows, steps, inputs).

        Returns:
            float32, shape (rows, steps + 1, units); the first state is 0.
        """
        rows, steps = tf.shape(events)[0], tf.shape(events)[1]
        by_step = tf.reshape(tf.transpose(events, (1, 0, 2)), (-1, events.shape[2]))
        projected = tf.reshape(self.project(by_step), (steps, rows, 3 * self.units))
        after = states_after(
            projected,
            tf.convert_to_tensor(self.recurrent),
            tf.convert_to_tensor(self.recurrent_bias),
        )
        later = tf.transpose(after, (1, 0, 2))
        zero = tf.zeros((rows, 1, self.units))
        return tf.concat([zero, later], axis=1)

    @property
    def kernels(self) -> list[Any]:
        """The weights that L2 regularises."""
        return [self.kernel, self.recurrent]

    def frozen(self, events: Padded) -> tuple[Any, Any]:
        """The state after a row's last event, and the sum of its events.

        A loop that ends after the last event of all rows, so that short histories cost
        little; events are looked up in it, so that what it needs stays in the
        processor's cache. The share that is new takes the place of the one that is
        kept: for a blank it is an exact 0, as the look-up's sum is, so that blanks
        leave both bit-equal. That an event is blank is one more input of its vector.
        """
        there = tf.transpose(events.there, (1, 0, 2))
        values = tf.transpose(events.values, (1, 0, 2))
        given = (
            tf.transpose(events.indices, (1, 0, 2)),
            tf.where(there, values, tf.zeros(())),
            tf.where(there, tf.zeros(()), tf.ones(())),
        )
        step = self._frozen_step(events.first)
        most = tf.reduce_max(events.length)
        none = tf.zeros_like(events.values[:, 0, :1])
        inputs = events.first.settings["units"]

        def body(at: Any, most: Any, given: Any, state: Any, total: Any) -> Any:
            indices, values, blank = (tf.gather(part, at) for part in given)
            vectors = events.first.without_bias(indices, values)
            return at + 1, most, given, step(vectors, blank, state), total + vectors

        *_, state, total = tf.while_loop(
            lambda at, most, *_: at < most,
            body,
            (0, most, given, none + tf.zeros(self.units), none + tf.zeros(inputs)),
        )
        count = tf.cast(events.length, tf.float32)[:, None]
        return state, total + count * events.first.bias

    def _frozen_step(self, first: Any) -> Callable[[Any, Any, Any], Any]:
        """The state after one event of a vector without its bias.

        It takes the vectors, 1 for each blank and 0 for each event, and the states.
        """
        units, kernel, recurrent = self.units, self.kernel, self.recurrent
        bias = self.bias + tf.linalg.matvec(kernel, first.bias, transpose_a=True)
        reset, last = slice(units, 2 * units), slice(2 * units, None)
        none = tf.zeros((1, units))
        of_new = [-kernel[:, :units], none + _CLOSED, -recurrent[:, :units]]
        of_reset = [kernel[:, reset], none, recurrent[:, reset]]
        of_gates = tf.concat([tf.concat(of_new, 0), tf.concat(of_reset, 0)], axis=1)
        gates_bias = tf.concat([-bias[:units], bias[reset]], axis=0)

        def step(vectors: Any, blank: Any, state: Any) -> Any:
            gates = tf.matmul(tf.concat([vectors, blank, state], 1), of_gates)
            new, open_ = tf.split(tf.sigmoid(gates + gates_bias), 2, axis=1)
            memory = tf.matmul(state, recurrent[:, last]) + self.recurrent_bias
            projected = tf.matmul(vectors, kernel[:, last]) + bias[last]
            candidate = tf.tanh(projected + open_ * memory)
            return state + new * (candidate - state)

        return step

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}

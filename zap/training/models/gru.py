"""A gated recurrent unit (GRU): a state is carried from each event to the next.

Training needs all states at once, as fast as possible and with gradients; LiteRT
converts no loop of this kind, so the frozen form has its steps in the open.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import keras, tf
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

    def frozen(self, events: Any, length: Any) -> Any:
        """The state after a row's last event, step by step, as LiteRT knows it.

        The share that is new is computed in place of the one that is kept, and is an
        exact 0 after a row's last event, so that blank events leave its state
        bit-equal. That an event is blank is one more input of its vector: to choose
        between two states at each step would take half as many operations again, and
        a call on one row takes as long as there are operations.
        """
        units, kernel, recurrent = self.units, self.kernel, self.recurrent
        blank = tf.range(events.shape[1])[None, :] >= length[:, None]
        marked = tf.concat([events, tf.cast(blank, tf.float32)[..., None]], axis=2)
        none = tf.zeros((1, units))
        of_new = [-kernel[:, :units], none + _CLOSED, -recurrent[:, :units]]
        reset = slice(units, 2 * units)
        of_reset = [kernel[:, reset], none, recurrent[:, reset]]
        of_gates = tf.concat([tf.concat(of_new, 0), tf.concat(of_reset, 0)], axis=1)
        bias = tf.concat([-self.bias[:units], self.bias[reset]], axis=0)
        of_candidate = tf.concat([kernel[:, 2 * units :], none], axis=0)
        of_memory = recurrent[:, 2 * units :]
        state = tf.zeros_like(events[:, 0, :1]) + none
        for event in tf.unstack(marked, axis=1):
            gates = tf.matmul(tf.concat([event, state], axis=1), of_gates) + bias
            new, open_ = tf.split(tf.sigmoid(gates), 2, axis=1)
            memory = tf.matmul(state, of_memory) + self.recurrent_bias
            projected = tf.matmul(event, of_candidate) + self.bias[2 * units :]
            candidate = tf.tanh(projected + open_ * memory)
            state = state + new * (candidate - state)
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}

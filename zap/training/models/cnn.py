"""Causal convolutions over the events, each layer looking further apart than the last.

A layer looks at an event and at ``kernel - 1`` before it, those of layer l (from 0)
``kernel**l`` apart, so that the last layer sees ``kernel**layers`` events. Before a
row's first event there are zeros, which no event's vector is.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import keras, tf
from zap.training.models.padded import Padded

_SEEDS_APART = 1_000_003


@keras.saving.register_keras_serializable(package="zap")
class EventConvolutions(keras.layers.Layer):
    """Dilated causal convolutions with rectifiers, each added to what it looked at.

    Args:
        inputs: length of an event's vector.
        units: length of the state.
        layers: how many convolutions.
        kernel: events that each looks at.
        seed: of the first kernels.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int,
        kernel: int,
        seed: int,
        **options: Any,
    ):
        super().__init__(**options)
        self.settings = {
            **{"inputs": inputs, "units": units, "layers": layers},
            **{"kernel": kernel, "seed": seed},
        }
        self.units = units

    def build(self, *shapes: Any) -> None:
        """Makes the weights: of each layer (kernel * inputs, units) and a bias."""
        self._convolutions = []
        width, units = self.settings["inputs"], self.units
        for layer in range(self.settings["layers"]):
            seed = self.settings["seed"] + layer * _SEEDS_APART
            kernel = self.add_weight(
                shape=(self.settings["kernel"] * width, units),
                initializer=keras.initializers.HeNormal(seed=seed),
                name=f"kernel_{layer}",
            )
            bias = self.add_weight(
                shape=(units,), initializer="zeros", name=f"bias_{layer}"
            )
            self._convolutions.append((kernel, bias))
            width = units
        self.built = True

    @property
    def kernels(self) -> list[Any]:
        """The weights that L2 regularises."""
        return [kernel for kernel, _ in self._convolutions]

    def call(self, events: Any) -> Any:
        """The states after 0, 1, ... events.

        Args:
            events: float32, shape (rows, steps, inputs).

        Returns:
            float32, shape (rows, steps + 1, units); the first state is 0.
        """
        states, size = events, self.settings["kernel"]
        for layer, (kernel, bias) in enumerate(self._convolutions):
            seen = _taps(states, size, size**layer)
            found = tf.nn.relu(_product(seen, kernel) + bias)
            states = states + found if states.shape[2] == self.units else found
        return tf.pad(states, [(0, 0), (1, 0), (0, 0)])

    def frozen(self, events: Padded) -> tuple[Any, Any]:
        """The state after a row's last event; blanks come after it and are not seen."""
        vectors = events.vectors()
        states = tf.gather(self.call(vectors), events.length, batch_dims=1)
        return states, events.summed(vectors)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}


def _taps(states: Any, size: int, apart: int) -> Any:
    """At each place its state and those before it that a convolution looks at.

    Args:
        states: float32, shape (rows, steps, width).
        size: how many.
        apart: places from one to the next.

    Returns:
        float32, shape (rows, steps, size * width), the oldest first.
    """
    steps = states.shape[1] or tf.shape(states)[1]
    padded = tf.pad(states, [(0, 0), ((size - 1) * apart, 0), (0, 0)])
    parts = [padded[:, tap * apart : tap * apart + steps] for tap in range(size)]
    return tf.concat(parts, axis=2)


def _product(states: Any, kernel: Any) -> Any:
    """``states`` times ``kernel`` as one product of two matrices."""
    steps = states.shape[1] or tf.shape(states)[1]
    flat = tf.reshape(states, (-1, states.shape[2]))
    return tf.reshape(tf.matmul(flat, kernel), (-1, steps, kernel.shape[1]))

"""The layers of Zap's models: a sparse first layer and a recurrence over events.

Each has two faces. Training needs all at once, as fast as possible and with gradients;
the frozen model needs plain operations that LiteRT knows, and the recurrence one step
at a time, with a mask. Both faces of a layer are the same function of one set of
weights.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import keras, tf
from zap.training.products import sparse_product
from zap.training.recurrence import states_after, step


def dropped(x: Any, rate: float, seed: Any) -> Any:
    """``x`` with a share of its entries set to 0 and the others scaled up.

    The noise is a function of the seed alone, so that a resumed run draws the same.

    Args:
        x: float tensor.
        rate: share left out, in [0, 1).
        seed: int32 tensor of shape (2,), or None when not training.
    """
    if seed is None or rate == 0:
        return x
    noise = tf.random.stateless_uniform(tf.shape(x), seed)
    return tf.where(noise >= rate, x / (1 - rate), tf.zeros_like(x))


@keras.saving.register_keras_serializable(package="zap")
class SparseDense(keras.layers.Layer):
    """A dense layer whose input is a sparse vector: the sum of value * kernel row.

    It equals the product of the multi-hot vector and the kernel.

    Args:
        size: length of the sparse vector.
        units: length of the output.
        seed: of the first kernel.
        scale: standard deviation of the first kernel.
    """

    def __init__(
        self, size: int, units: int, seed: int, scale: float = 0.1, **options: Any
    ):
        super().__init__(**options)
        self.settings = {"size": size, "units": units, "seed": seed, "scale": scale}

    def build(self, *shapes: Any) -> None:
        """Makes the weights: a kernel (size, units) and a bias (units,)."""
        size, units = max(self.settings["size"], 1), self.settings["units"]
        self.kernel = self.add_weight(
            shape=(size, units),
            initializer=keras.initializers.RandomNormal(
                stddev=self.settings["scale"], seed=self.settings["seed"]
            ),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, indices: Any, values: Any) -> Any:
        """The products.

        Args:
            indices: int32, shape (..., width); padding has index 0 and value 0.
            values: float32, shape (..., width).

        Returns:
            float32, shape (..., units).
        """
        width = indices.shape[-1]
        flat = (tf.reshape(part, (-1, width)) for part in (indices, values))
        products = sparse_product(tf.convert_to_tensor(self.kernel), *flat)
        shape = tf.concat([tf.shape(indices)[:-1], [self.settings["units"]]], axis=0)
        return tf.reshape(products + self.bias, shape)

    def looked_up(self, indices: Any, values: Any) -> Any:
        """The same by plain look-ups, which any runtime has; arguments as ``call``."""
        rows = tf.gather(self.kernel, indices)
        return tf.reduce_sum(rows * values[..., None], axis=-2) + self.bias

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}


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

    def step(self, projected: Any, state: Any) -> Any:
        """The state after one event.

        Args:
            projected: float32, shape (rows, 3 units), of ``project``.
            state: float32, shape (rows, units).
        """
        return step(projected, state, self.recurrent, self.recurrent_bias)

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

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}

"""What all of Zap's sequence models have: a sparse first layer, and dropout.

The layer has two faces. Training needs it as fast as possible and with gradients; the
frozen model needs plain operations that LiteRT knows. Both are the same function of one
set of weights.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import keras, tf
from zap.training.products import sparse_product


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
        return self.without_bias(indices, values) + self.bias

    def without_bias(self, indices: Any, values: Any) -> Any:
        """The same, the bias left out."""
        rows = tf.gather(self.kernel, indices)
        return tf.reduce_sum(rows * values[..., None], axis=-2)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}

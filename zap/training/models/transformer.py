"""A small causal transformer encoder over the events.

Pre-norm layers of attention and a network for each place. What tells places apart is a
learned number for each head and distance, added before the softmax: distances do not
depend on padding, nor on where in a visit a row begins.
"""

from __future__ import annotations

from typing import Any

from zap.training.backend import keras, tf
from zap.training.models.padded import Padded

_SEEDS_APART = 1_000_003
_WIDER = 2
_TINY = 1e-6


@keras.saving.register_keras_serializable(package="zap")
class EventAttention(keras.layers.Layer):
    """Layers of causal attention.

    Args:
        inputs: length of an event's vector.
        units: length of the state.
        layers: how many.
        heads: of attention in each; a head has units / heads places, at least one.
        last: most events; distances beyond count as this.
        seed: of the first kernels.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        layers: int,
        heads: int,
        last: int,
        seed: int,
        **options: Any,
    ):
        super().__init__(**options)
        self.settings = {
            **{"inputs": inputs, "units": units, "layers": layers},
            **{"heads": heads, "last": last, "seed": seed},
        }
        self.units = units
        self._heads, self._head = heads, max(1, units // heads)

    def build(self, *shapes: Any) -> None:
        """Makes the weights; see ``_Layer`` for those of a layer."""
        units, inner = self.units, self._heads * self._head
        self._kernels: list[Any] = []
        self._entry = self._kernel("entry", self.settings["inputs"], units)
        self._blocks = []
        for at in range(self.settings["layers"]):
            distances = self.add_weight(
                shape=(self._heads, self.settings["last"]),
                initializer="zeros",
                name=f"distances_{at}",
            )
            self._blocks.append(
                {
                    "norm": self._norm(f"norm_{at}"),
                    "asked": self._kernel(f"asked_{at}", units, 3 * inner),
                    "distances": distances,
                    "given": self._kernel(f"given_{at}", inner, units),
                    "second_norm": self._norm(f"second_norm_{at}"),
                    "wide": self._kernel(f"wide_{at}", units, _WIDER * units),
                    "narrow": self._kernel(f"narrow_{at}", _WIDER * units, units),
                }
            )
        self._last_norm = self._norm("last_norm")
        self.built = True

    def _kernel(self, name: str, inputs: int, units: int) -> tuple[Any, Any]:
        seed = self.settings["seed"] + len(self._kernels) * _SEEDS_APART
        kernel = self.add_weight(
            shape=(inputs, units),
            initializer=keras.initializers.GlorotUniform(seed=seed),
            name=f"{name}_kernel",
        )
        self._kernels.append(kernel)
        bias = self.add_weight(shape=(units,), initializer="zeros", name=f"{name}_bias")
        return kernel, bias

    def _norm(self, name: str) -> tuple[Any, Any]:
        shape = (self.units,)
        scale = self.add_weight(shape=shape, initializer="ones", name=f"{name}_scale")
        return scale, self.add_weight(
            shape=shape, initializer="zeros", name=f"{name}_offset"
        )

    @property
    def kernels(self) -> list[Any]:
        """The weights that L2 regularises."""
        return list(self._kernels)

    def call(self, events: Any) -> Any:
        """The states after 0, 1, ... events.

        Args:
            events: float32, shape (rows, steps, inputs).

        Returns:
            float32, shape (rows, steps + 1, units); the first state is 0.
        """
        states = _dense(events, *self._entry)
        for layer in self._blocks:
            normed = _normed(states, *layer["norm"])
            states = states + self._attended(normed, layer)
            normed = _normed(states, *layer["second_norm"])
            wide = tf.nn.relu(_dense(normed, *layer["wide"]))
            states = states + _dense(wide, *layer["narrow"])
        states = _normed(states, *self._last_norm)
        return tf.pad(states, [(0, 0), (1, 0), (0, 0)])

    def frozen(self, events: Padded) -> tuple[Any, Any]:
        """The state after a row's last event; blanks come after it and are not seen."""
        vectors = events.vectors()
        states = tf.gather(self.call(vectors), events.length, batch_dims=1)
        return states, events.summed(vectors)

    def _attended(self, states: Any, layer: Any) -> Any:
        """What each place takes from itself and from those before it."""
        steps = _steps(states)
        parts = tf.reshape(
            _dense(states, *layer["asked"]), (-1, steps, 3, self._heads, self._head)
        )
        query, key, value = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        distance = tf.range(steps)[:, None] - tf.range(steps)[None, :]
        known = tf.clip_by_value(distance, 0, self.settings["last"] - 1)
        match = tf.matmul(query, key, transpose_b=True) / self._head**0.5
        match = match + tf.gather(layer["distances"], known, axis=1)
        match = tf.where(distance >= 0, match, tf.fill((), -1e9))
        most = tf.stop_gradient(tf.reduce_max(match, axis=-1, keepdims=True))
        weight = tf.exp(match - most)
        # The weights are summed by the product that sums the values: it adds up place
        # by place, where a blank adds an exact 0, so that blanks leave all bits alone.
        counted = tf.concat([value, tf.ones_like(value[..., :1])], axis=-1)
        sums = tf.matmul(weight, counted)
        taken = tf.transpose(sums[..., :-1] / sums[..., -1:], (0, 2, 1, 3))
        flat = tf.reshape(taken, (-1, steps, self._heads * self._head))
        return _dense(flat, *layer["given"])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return {**super().get_config(), **self.settings}


def _steps(states: Any) -> Any:
    return states.shape[1] or tf.shape(states)[1]


def _dense(states: Any, kernel: Any, bias: Any) -> Any:
    """A dense layer at each place, as one product of two matrices."""
    flat = tf.matmul(tf.reshape(states, (-1, states.shape[2])), kernel) + bias
    return tf.reshape(flat, (-1, _steps(states), kernel.shape[1]))


def _normed(states: Any, scale: Any, offset: Any) -> Any:
    """Each place with mean 0 and variance 1, then scaled and moved."""
    centred = states - tf.reduce_mean(states, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.math.rsqrt(variance + _TINY) * scale + offset

"""The first layer, forward and backward, in the forms in which one would write it.

A form gets a kernel and the padded entries of sparse rows; all are one function, and
are held against each other before they are timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.training.timing import best_seconds
from zap.training.backend import tf
from zap.training.products import (
    compressed_product,
    multi_hot_is_faster,
    multi_hot_product,
)

SHAPES = ((2000, 12), (500, 12), (200, 40), (100, 20))
"""(indices, ones) of the goal."""
GOAL = 1.10
COMPRESSED, MULTI_HOT = "compressed", "multi-hot"


def looked_up(kernel: Any, indices: Any, values: Any) -> Any:
    """Rows of the kernel, weighted and added up; TensorFlow's own gradients."""
    return tf.reduce_sum(tf.gather(kernel, indices) * values[..., None], axis=-2)


def embedding(kernel: Any, indices: Any, values: Any) -> Any:
    """TensorFlow's look-up of sparse rows with weights."""
    rows, width = tf.shape(indices)[0], indices.shape[1]
    place = tf.range(rows * width)
    places = tf.stack([place // width, place % width], axis=1)
    shape = tf.cast([rows, width], tf.int64)
    places = tf.cast(places, tf.int64)
    ids, weights = (
        tf.SparseTensor(places, tf.reshape(part, (-1,)), shape)
        for part in (indices, values)
    )
    return tf.nn.embedding_lookup_sparse(kernel, ids, weights, combiner="sum")


@tf.custom_gradient
def looked_up_sorted(kernel: Any, indices: Any, values: Any) -> tuple[Any, Any]:
    """Looked-up rows whose gradient adds up in the order of the indices."""

    def gradient(upstream: Any) -> tuple[Any, None, None]:
        flat = tf.reshape(indices, (-1,))
        order = tf.argsort(flat, stable=True)
        parts = tf.reshape(upstream[:, None] * values[..., None], (-1, kernel.shape[1]))
        found = tf.math.unsorted_segment_sum(
            tf.gather(parts, order), tf.gather(flat, order), kernel.shape[0]
        )
        return found, None, None

    return looked_up(kernel, indices, values), gradient


def scattered(kernel: Any, indices: Any, values: Any) -> Any:
    """Multi-hot by a scatter, and TensorFlow's own gradients."""
    rows, width = tf.shape(indices)[0], indices.shape[1]
    row = tf.repeat(tf.range(rows), width)
    places = tf.stack([row, tf.reshape(indices, (-1,))], axis=1)
    hot = tf.scatter_nd(places, tf.reshape(values, (-1,)), (rows, kernel.shape[0]))
    return tf.matmul(hot, kernel)


FORMS: Mapping[str, Callable[..., Any]] = {
    "looked-up rows": looked_up,
    "embedding_lookup_sparse": embedding,
    "looked up, sorted": looked_up_sorted,
    "multi-hot, scatter": scattered,
    MULTI_HOT: multi_hot_product,
    COMPRESSED: compressed_product,
}


@dataclass(frozen=True)
class Figure:
    """One shape.

    Attributes:
        rows: sparse rows at once.
        size: length of a row.
        width: ones of a row.
        units: columns of the kernel.
        seconds: forward and backward, by form.
        equal: whether all forms gave the same product and gradient.
    """

    rows: int
    size: int
    width: int
    units: int
    seconds: Mapping[str, float]
    equal: bool

    @property
    def chosen(self) -> str:
        """The form that Zap takes."""
        hot = multi_hot_is_faster(self.size, self.width, self.units)
        return MULTI_HOT if hot else COMPRESSED

    @property
    def ratio(self) -> float:
        """Zap's time in times of the fastest form's."""
        return self.seconds[self.chosen] / min(self.seconds.values())

    @property
    def ratio_of_usual(self) -> float:
        """Zap's time in times of the faster of looked-up rows and multi-hot."""
        usual = ("looked-up rows", "multi-hot, scatter", MULTI_HOT)
        return self.seconds[self.chosen] / min(self.seconds[name] for name in usual)


def figures(
    row_counts: Sequence[int], unit_counts: Sequence[int], rounds: int
) -> list[Figure]:
    """All shapes of the goal with these numbers of rows and units."""
    return [
        figure(rows, size, width, units, rounds)
        for units in unit_counts
        for rows in row_counts
        for size, width in SHAPES
    ]


def figure(rows: int, size: int, width: int, units: int, rounds: int) -> Figure:
    """One shape."""
    rng = np.random.default_rng(0)
    # Distinct indices in each row, as an encoder gives them.
    indices = np.argsort(rng.random((rows, size)), axis=1)[:, :width]
    arguments = [
        tf.constant(rng.normal(size=(size, units)).astype(np.float32)),
        tf.constant(np.sort(indices, axis=1).astype(np.int32)),
        tf.constant(rng.uniform(0.1, 1, (rows, width)).astype(np.float32)),
        tf.constant(rng.normal(size=(rows, units)).astype(np.float32)),
    ]
    calls = {name: _both_ways(form, arguments) for name, form in FORMS.items()}
    found = [call() for call in calls.values()]
    equal = all(_close(one, found[0]) for one in found)
    seconds = best_seconds(calls, rounds, calls=3)
    return Figure(rows, size, width, units, seconds, equal)


def _both_ways(form: Callable[..., Any], arguments: Sequence[Any]) -> Callable[[], Any]:
    """A form's product and gradient, traced for any number of rows."""
    kernel, indices, _, _ = arguments
    entries = (None, indices.shape[1])
    signature = [
        tf.TensorSpec(kernel.shape),
        tf.TensorSpec(entries, tf.int32),
        tf.TensorSpec(entries),
        tf.TensorSpec((None, kernel.shape[1])),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def run(kernel: Any, indices: Any, values: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            product = form(kernel, indices, values)
        gradient = tape.gradient(product, kernel, upstream)
        return product, tf.convert_to_tensor(gradient)

    return lambda: run(*arguments)


def _close(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether products and gradients agree to 1e-5 of the largest."""
    return all(
        bool(np.max(np.abs(a - b)) <= 1e-5 * np.max(np.abs(b)))
        for a, b in zip(one, other, strict=True)
    )

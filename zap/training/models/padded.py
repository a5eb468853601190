"""Rows of events as a frozen model is given them: padded, in operations of LiteRT."""

from __future__ import annotations

from typing import Any, NamedTuple

from zap.training.backend import tf


class Padded(NamedTuple):
    """Events of some rows, the oldest first, then blanks, which may hold anything.

    Attributes:
        first: the layer that takes an event's sparse vector to a dense one.
        indices: int32, shape (rows, steps, width), steps known.
        values: float32, of that shape.
        length: int32, shape (rows,): events of each row.
    """

    first: Any
    indices: Any
    values: Any
    length: Any

    @property
    def there(self) -> Any:
        """Which are events and not blanks; bool, shape (rows, steps, 1)."""
        steps = tf.range(self.indices.shape[1])
        return (steps[None, :] < self.length[:, None])[..., None]

    def vectors(self) -> Any:
        """The dense vectors of all; shape (rows, steps, inputs)."""
        return self.first.looked_up(self.indices, self.values)

    def summed(self, vectors: Any) -> Any:
        """The sum of each row's events, blanks as exact zeros; shape (rows, inputs)."""
        return tf.reduce_sum(tf.where(self.there, vectors, tf.zeros(())), axis=1)

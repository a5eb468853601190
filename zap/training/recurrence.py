"""The states of a gated recurrent unit (GRU) after each event, with their gradients.

The gradients are written by hand. What automatic differentiation keeps for each step,
and multiplies in each step, is here recomputed for all steps at once: only the chain
from state to state is left in the loop, one small product a step instead of two and
their sums. Measured: twice as fast and more, forward and backward together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from zap.training.backend import tf


class Gates(NamedTuple):
    """What one step computes from its projected event and the state before.

    Attributes:
        keep: share of the old state that is kept; shape (..., units).
        reset: share of the memory that reaches the candidate; (..., units).
        memory: the state before, multiplied; (..., units).
        candidate: the new state where nothing is kept; (..., units).
    """

    keep: Any
    reset: Any
    memory: Any
    candidate: Any


def gates_of(projected: Any, state: Any, recurrent: Any, bias: Any) -> Gates:
    """The gates of one step, or of many that are known at once.

    Args:
        projected: float32, shape (rows, 3 units): of the event.
        state: float32, shape (rows, units): before the event.
        recurrent: float32, shape (units, 3 units).
        bias: float32, shape (units,): of the memory.
    """
    units = state.shape[-1]
    products = tf.matmul(state, recurrent)
    open_ = tf.sigmoid(projected[:, : 2 * units] + products[:, : 2 * units])
    keep, reset = open_[:, :units], open_[:, units:]
    memory = products[:, 2 * units :] + bias
    candidate = tf.tanh(projected[:, 2 * units :] + reset * memory)
    return Gates(keep, reset, memory, candidate)


def step(projected: Any, state: Any, recurrent: Any, bias: Any) -> Any:
    """The state after one event; arguments as for ``gates_of``."""
    gates = gates_of(projected, state, recurrent, bias)
    return gates.candidate + gates.keep * (state - gates.candidate)


@tf.custom_gradient
def states_after(projected: Any, recurrent: Any, bias: Any) -> tuple[Any, Any]:
    """The states after 1, 2, ... events, from a state of 0.

    Args:
        projected: float32, shape (steps, rows, 3 units).
        recurrent: float32, shape (units, 3 units).
        bias: float32, shape (units,).

    Returns:
        float32, shape (steps, rows, units); gradients reach all three arguments.
    """
    units = recurrent.shape[0]
    steps, rows = tf.shape(projected)[0], tf.shape(projected)[1]
    zero = tf.zeros((rows, units))

    def body(at: Any, state: Any, states: Any) -> Any:
        state = step(projected[at], state, recurrent, bias)
        return at + 1, state, states.write(at, state)

    states = tf.TensorArray(tf.float32, steps, element_shape=(None, units))
    *_, states = tf.while_loop(
        lambda at, *_: at < steps,
        body,
        (tf.constant(0), zero, states),
        maximum_iterations=steps,
    )
    after = states.stack()

    def gradient(upstream: Any) -> tuple[Any, Any, Any]:
        before = tf.concat([zero[None], after[:-1]], axis=0)
        return _gradients(upstream, projected, before, recurrent, bias)

    return after, gradient


def _gradients(
    upstream: Any, projected: Any, before: Any, recurrent: Any, bias: Any
) -> tuple[Any, Any, Any]:
    """Gradients for the projected events, the recurrent kernel and its bias.

    With g the gradient of a state, all that depends on g is g times a factor that the
    forward pass determines: the factors of all steps are computed first.
    """
    units = recurrent.shape[0]
    flat = tf.reshape(before, (-1, units))
    gates = gates_of(tf.reshape(projected, (-1, 3 * units)), flat, recurrent, bias)
    keep, reset, memory, candidate = gates
    to_candidate = (1 - keep) * (1 - tf.square(candidate))
    to_keep = (flat - candidate) * keep * (1 - keep)
    to_reset = to_candidate * memory * reset * (1 - reset)
    to_products = tf.concat([to_keep, to_reset, to_candidate * reset], axis=1)
    shape = tf.shape(before)
    of_state = _chained(
        upstream,
        tf.reshape(keep, shape),
        tf.reshape(to_products, (shape[0], shape[1], 3 * units)),
        tf.transpose(recurrent),
    )
    of_state = tf.reshape(of_state, (-1, units))
    products = to_products * tf.tile(of_state, (1, 3))
    events = tf.concat([products[:, : 2 * units], to_candidate * of_state], axis=1)
    return (
        tf.reshape(events, tf.shape(projected)),
        tf.matmul(flat, products, transpose_a=True),
        tf.reduce_sum(products[:, 2 * units :], axis=0),
    )


def _chained(upstream: Any, keep: Any, to_products: Any, turned: Any) -> Any:
    """The gradients of all states, from the last to the first.

    Args:
        upstream: float32, shape (steps, rows, units): what comes from outside.
        keep: float32, of that shape.
        to_products: float32, shape (steps, rows, 3 units).
        turned: the recurrent kernel, transposed; shape (3 units, units).
    """
    steps, units = tf.shape(upstream)[0], turned.shape[1]

    def body(at: Any, later: Any, found: Any) -> Any:
        total = upstream[at] + later
        products = to_products[at] * tf.tile(total, (1, 3))
        earlier = total * keep[at] + tf.matmul(products, turned)
        return at - 1, earlier, found.write(at, total)

    found = tf.TensorArray(tf.float32, steps, element_shape=(None, units))
    *_, found = tf.while_loop(
        lambda at, *_: at >= 0,
        body,
        (steps - 1, tf.zeros_like(upstream[0]), found),
        maximum_iterations=steps,
    )
    return found.stack()

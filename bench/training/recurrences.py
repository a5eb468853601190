"""The recurrence, forward and backward, in the ways that were tried."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.training.timing import best_seconds
from zap.training.backend import keras, tf
from zap.training.recurrence import states_after, step


def by_differentiation(projected: Any, recurrent: Any, bias: Any) -> Any:
    """The states by a loop over steps, whose gradients TensorFlow finds."""
    steps, rows = tf.shape(projected)[0], tf.shape(projected)[1]
    units = recurrent.shape[0]

    def body(at: Any, state: Any, states: Any) -> Any:
        state = step(projected[at], state, recurrent, bias)
        return at + 1, state, states.write(at, state)

    states = tf.TensorArray(tf.float32, steps, element_shape=(None, units))
    *_, states = tf.while_loop(
        lambda at, *_: at < steps,
        body,
        (tf.constant(0), tf.zeros((rows, units)), states),
        maximum_iterations=steps,
    )
    return states.stack()


def figures(
    rows: int, steps: int, units: int, rounds: int
) -> tuple[dict[str, float], float]:
    """Seconds of one batch by form, and of compiling it with XLA for one shape.

    Keras' GRU also projects the events, which the others are given projected; its
    events are of length ``units``.
    """
    rng = np.random.default_rng(0)
    weights = [
        tf.constant(rng.normal(0, 0.1, shape).astype(np.float32))
        for shape in ((units, 3 * units), (units,))
    ]
    projected = rng.normal(size=(steps, rows, 3 * units)).astype(np.float32)
    arguments = [tf.constant(projected), *weights]
    layer = keras.layers.GRU(units, reset_after=True, return_sequences=True)
    events = tf.constant(rng.normal(size=(rows, steps, units)).astype(np.float32))
    layer.build(events.shape)
    compiled = _both_ways(states_after, arguments, jit_compile=True)
    began = time.perf_counter()
    compiled()
    compiling = time.perf_counter() - began
    contenders = {
        "Keras' GRU": _keras(layer, events),
        "a loop, differentiated": _both_ways(by_differentiation, arguments),
        "its own gradients (Zap)": _both_ways(states_after, arguments),
        "the same, jit_compile": compiled,
    }
    return best_seconds(contenders, rounds, calls=3), compiling


def _both_ways(
    form: Callable[..., Any], arguments: list[Any], **options: Any
) -> Callable[[], Any]:
    units = arguments[1].shape[0]
    signature = [
        tf.TensorSpec((None, None, 3 * units)),
        *(tf.TensorSpec(weight.shape) for weight in arguments[1:]),
    ]

    @tf.function(input_signature=signature, autograph=False, **options)
    def run(*arguments: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            loss = tf.reduce_sum(tf.square(form(*arguments)))
        return tape.gradient(loss, arguments)

    return lambda: run(*arguments)


def _keras(layer: Any, events: Any) -> Callable[[], Any]:
    signature = [tf.TensorSpec((None, None, events.shape[2]))]

    @tf.function(input_signature=signature, autograph=False)
    def run(events: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(events)
            loss = tf.reduce_sum(tf.square(layer(events)))
        return tape.gradient(loss, [events, *layer.trainable_variables])

    return lambda: run(events)

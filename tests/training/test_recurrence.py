"""The recurrence: states and hand-written gradients against Keras' GRU and autodiff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.training.backend import keras, tf
from zap.training.models.gru import EventRecurrence
from zap.training.recurrence import states_after, step

SHAPES = [(4, 6, 3, 5), (1, 1, 2, 3), (7, 40, 4, 8), (3, 2, 1, 1)]


def made(rows: int, steps: int, inputs: int, units: int) -> tuple[Any, Any, Any]:
    """Our layer and Keras' with the same weights, and events."""
    rng = np.random.default_rng(rows + steps)
    ours = EventRecurrence(inputs, units, seed=1)
    ours.build()
    ours.bias.assign(rng.normal(0, 0.5, 3 * units))
    ours.recurrent_bias.assign(rng.normal(0, 0.5, units))
    theirs = keras.layers.GRU(units, reset_after=True, return_sequences=True)
    theirs.build((None, None, inputs))
    bias = np.zeros((2, 3 * units), np.float32)
    bias[0], bias[1, 2 * units :] = ours.bias.numpy(), ours.recurrent_bias.numpy()
    theirs.set_weights([ours.kernel.numpy(), ours.recurrent.numpy(), bias])
    events = rng.normal(size=(rows, steps, inputs)).astype(np.float32)
    return ours, theirs, tf.constant(events)


def gradients_of(layer: Any, events: Any, weights: np.ndarray, skip: int) -> Any:
    """States, and gradients of their weighted sum for the events and all weights."""
    with tf.GradientTape() as tape:
        tape.watch(events)
        states = layer(events)[:, skip:]
        loss = tf.reduce_sum(states * weights)
    variables = [events, *layer.trainable_variables]
    return states.numpy(), [g.numpy() for g in tape.gradient(loss, variables)]


@pytest.mark.parametrize(("rows", "steps", "inputs", "units"), SHAPES)
def test_states_and_gradients_are_those_of_keras(
    rows: int, steps: int, inputs: int, units: int
) -> None:
    ours, theirs, events = made(rows, steps, inputs, units)
    weights = np.random.default_rng(9).normal(size=(rows, steps, units))
    weights = weights.astype(np.float32)
    states, found = gradients_of(ours, events, weights, 1)
    expected, wanted = gradients_of(theirs, events, weights, 0)
    np.testing.assert_allclose(states, expected, atol=1e-6)
    for_events, kernel, recurrent, bias, recurrent_bias = found
    np.testing.assert_allclose(for_events, wanted[0], atol=2e-5)
    np.testing.assert_allclose(kernel, wanted[1], rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(recurrent, wanted[2], rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(bias, wanted[3][0], rtol=1e-5, atol=2e-5)
    theirs_alone = wanted[3][1, 2 * units :]
    np.testing.assert_allclose(recurrent_bias, theirs_alone, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("last_only", [False, True])
def test_gradients_are_those_of_automatic_differentiation(last_only: bool) -> None:
    """Under a traced function, as in training, of steps that are called one by one."""
    rng = np.random.default_rng(2)
    steps, rows, units = 5, 3, 4
    projected = tf.constant(rng.normal(size=(steps, rows, 3 * units)).astype("f"))
    recurrent = tf.constant(rng.normal(size=(units, 3 * units)).astype("f"))
    bias = tf.constant(rng.normal(size=(units,)).astype("f"))
    weights = rng.normal(size=(steps, rows, units)).astype("f")
    weights[:-1] *= not last_only

    def by_steps(projected: Any, recurrent: Any, bias: Any) -> Any:
        state, states = tf.zeros((rows, units)), []
        for at in range(steps):
            state = step(projected[at], state, recurrent, bias)
            states.append(state)
        return tf.stack(states)

    def gradients(form: Any) -> Any:
        signature = [tf.TensorSpec((None, None, 3 * units)), recurrent, bias]

        @tf.function(autograph=False)
        def run(*arguments: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(arguments)
                loss = tf.reduce_sum(form(*arguments) * weights)
            return tape.gradient(loss, arguments)

        concrete = run.get_concrete_function(*signature)
        return concrete(projected, recurrent, bias)

    for found, wanted in zip(gradients(states_after), gradients(by_steps), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_blank_events_at_the_end_get_no_gradient_and_give_none() -> None:
    """Padding of a batch: what is not looked at changes no weight."""
    ours, _, events = made(4, 6, 3, 5)
    weights = np.ones((4, 6, 5), np.float32)
    weights[:, 4:] = 0
    _, padded = gradients_of(ours, events, weights, 1)
    _, short = gradients_of(ours, events[:, :4], weights[:, :4], 1)
    assert not padded[0][:, 4:].any()
    np.testing.assert_allclose(padded[0][:, :4], short[0], atol=1e-6)
    for found, wanted in zip(padded[1:], short[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_no_rows() -> None:
    ours, _, _ = made(1, 1, 2, 3)
    weights = np.zeros((0, 3, 3), np.float32)
    states, gradients = gradients_of(ours, tf.zeros((0, 3, 2)), weights, 1)
    assert states.shape == (0, 3, 3)
    assert not any(gradient.any() for gradient in gradients)

"""What it brings that windows of like length share a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import mock

from bench.training.inputs import Input
from bench.training.timing import best_seconds
from zap.bundles.target import Target
from zap.training import batches as zap_batches
from zap.training.backend import tf
from zap.training.batches import Batch, Batches
from zap.training.config import ModelConfig
from zap.training.losses import loss_of
from zap.training.model import SequenceModel
from zap.training.trainer import batch_logits


def figures(
    given: Input, config: ModelConfig, rounds: int
) -> dict[str, tuple[float, float]]:
    """Zap's batches of windows of like length, beside windows as they come.

    Returns:
        By order, the share of places for events that are blank, and the seconds of
        the gradients of an epoch.
    """
    every = Batches(given.visits, given.spec, config.batch, fewest=32)
    orders = {"by length": list(every.epoch(0))}
    with mock.patch.object(zap_batches, "_BATCHES_A_POOL", 1):
        orders["as they come"] = list(every.epoch(0))
    gradients = _gradients(SequenceModel(given.spec, config), orders["by length"][0])

    def epoch(batches: list[Batch]) -> None:
        for batch in batches:
            gradients(Batch(*map(tf.constant, batch)))

    calls = {name: partial(epoch, batches) for name, batches in orders.items()}
    seconds = best_seconds(calls, rounds)
    return {name: (_blank(found), seconds[name]) for name, found in orders.items()}


def _gradients(model: SequenceModel, like: Batch) -> Callable[[Batch], Any]:
    """The gradients of a batch's loss, traced for batches of any size."""
    signature = Batch(
        *(tf.TensorSpec(_any_size(part.shape), part.dtype) for part in like)
    )
    loss = loss_of(Target())

    @tf.function(input_signature=[signature], autograph=False)
    def run(batch: Batch) -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(loss(batch_logits(model, batch), batch.label))
        return tape.gradient(total, model.trainable_variables)

    return run


def _any_size(shape: tuple[int, ...]) -> list[int | None]:
    """The shape with only its width known, where it has one."""
    free: list[int | None] = [None] * len(shape)
    return free if len(shape) == 1 else [*free[1:], shape[-1]]


def _blank(batches: Sequence[Batch]) -> float:
    """The share of places for events that no event takes."""
    real = sum(int((batch.values != 0).any(axis=2).sum()) for batch in batches)
    return 1 - real / sum(batch.values[:, :, 0].size for batch in batches)

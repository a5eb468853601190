"""Zap's trainer beside the expanded form: the same results, and examples a second."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.training.expanded import (
    ExpandedModel,
    Trainer,
    cuts,
    losses,
    rows_of,
)
from bench.training.inputs import Input
from zap.bundles.target import Target
from zap.training.backend import tf
from zap.training.batches import Batches
from zap.training.config import ModelConfig
from zap.training.history import Epoch
from zap.training.losses import loss_of
from zap.training.model import SequenceModel
from zap.training.trainer import batch_logits, train

FORMS = {  # whether multi-hot, whether bucketed by length
    "multi-hot, padded": (True, False),
    "multi-hot, bucketed": (True, True),
    "looked-up rows, padded": (False, False),
    "looked-up rows, bucketed": (False, True),
}
TOLERANCE = 1e-5
_STOPPING = 20  # visits that Zap's trainer validates on


@dataclass(frozen=True)
class Difference:
    """Zap's loss and gradients against the expanded form's, relative to the largest.

    Attributes:
        loss: of the batch's summed loss.
        gradient: of the worst variable.
    """

    loss: float
    gradient: float

    @property
    def equal(self) -> bool:
        """Whether both are within the tolerance; NaN is not."""
        return self.loss <= TOLERANCE and self.gradient <= TOLERANCE


def difference(given: Input, config: ModelConfig, multi_hot: bool) -> Difference:
    """One batch of windows against the rows of its cutoffs, without dropout."""
    model = SequenceModel(given.spec, config)
    other = ExpandedModel(given.spec, config)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:  # biases that are not 0
        variable.assign_add(rng.normal(0, 0.1, variable.shape).astype(np.float32))
    # Far from the base rate: where the rows' gradients cancel out, only noise is left.
    model.logits.bias.assign([0.0, 1.0])
    other.take_weights(model)
    every = Batches(given.visits, given.spec, config.batch)
    middle = itertools.islice(every.in_order(), every.count // 2, None)
    batch, cutoffs = next(middle)
    loss = loss_of(Target())
    with tf.GradientTape() as tape:
        ours = tf.reduce_sum(
            batch.weight * loss(batch_logits(model, batch), batch.label)
        )
    found = tape.gradient(ours, model.trainable_variables)
    rows = rows_of(given.visits, cutoffs, given.spec, given.spec.last, multi_hot)
    with tf.GradientTape() as tape:
        theirs = tf.reduce_sum(losses(other(rows), rows))
    wanted = [tf.convert_to_tensor(g) for g in tape.gradient(theirs, other.parts)]
    units = config.units
    at = next(n for n, g in enumerate(wanted) if g.shape == (2, 3 * units))
    wanted[at : at + 1] = [wanted[at][0], wanted[at][1, 2 * units :]]
    return Difference(
        _relative(ours, theirs),
        max(_relative(a, b) for a, b in zip(found, wanted, strict=True)),
    )


def _relative(one: Any, other: Any) -> float:
    one, other = (np.asarray(tf.convert_to_tensor(part)) for part in (one, other))
    return float(np.max(np.abs(one - other)) / max(1e-9, np.max(np.abs(other))))


def speeds(
    given: Input, config: ModelConfig, rounds: int, steps: int
) -> dict[str, float]:
    """Examples a second: of whole epochs of Zap's trainer, of steps of the others.

    The others' rows are made before their clock runs, and are not read from a disk.
    They take turns: after each epoch of Zap's come some steps of each.

    Args:
        given: the examples.
        config: of the model; also of the reference's.
        rounds: epochs that are timed, after one that is not.
        steps: steps of each other form between two epochs.

    Returns:
        The best of all rounds, by name.
    """
    size = cutoffs_a_batch(given, config)
    others = {name: _Steps(given, config, name, size) for name in FORMS}
    best = dict.fromkeys(others, 0.0)

    def turn() -> None:
        for name, other in others.items():
            best[name] = max(best[name], other.examples_a_second(steps))

    return {"Zap": _epoch_speed(given, config, rounds, turn), **best}


def _epoch_speed(
    given: Input,
    config: ModelConfig,
    rounds: int,
    between: Callable[[], None],
) -> float:
    """Examples a second of the best epoch of Zap's trainer.

    Args:
        given: the examples.
        config: of the model.
        rounds: epochs that are timed, after one that is not.
        between: called between epochs, outside of the clock.
    """
    visits, best = given.visits, 0.0
    began = time.perf_counter()

    def turn(epoch: Epoch) -> None:
        nonlocal began, best
        spent = time.perf_counter() - began
        if epoch.epoch > 1:  # the first traces
            best = max(best, visits.cutoffs / spent)
        between()
        began = time.perf_counter()

    few = visits.take_visits(np.arange(min(_STOPPING, len(visits))))
    config = replace(config, epochs=rounds + 1, patience=rounds + 1)
    train(visits, few, given.spec, config, progress=turn)
    return best


def cutoffs_a_batch(given: Input, config: ModelConfig) -> int:
    """Examples of a batch of Zap's on average; the others' batches are as large."""
    count = Batches(given.visits, given.spec, config.batch, fewest=32).count
    return max(1, round(given.visits.cutoffs / count))


class _Steps:
    """Steps of an expanded form over some batches, the same in each turn.

    Batches are rid of chance: they are spread evenly over a pool that is sorted by
    length, where the form is bucketed.
    """

    def __init__(self, given: Input, config: ModelConfig, name: str, size: int):
        multi_hot, bucketed = FORMS[name]
        self._given, self._multi_hot, self._bucketed = given, multi_hot, bucketed
        model = ExpandedModel(given.spec, config)
        self._trainer = Trainer(model, config, given.visits.cutoffs)
        self._cuts = cuts(given.visits, size, bucketed)
        self.examples_a_second(2)  # traces

    def examples_a_second(self, steps: int) -> float:
        """Examples of some batches over the seconds of their steps."""
        examples, spent = 0, 0.0
        spec, visits = self._given.spec, self._given.visits
        length = visits.stop - visits.start
        spread = (np.arange(steps) + 0.5) * len(self._cuts) / steps
        for at in spread.astype(int):
            cutoffs = self._cuts[at]
            longest = int(length[cutoffs].max()) if self._bucketed else spec.last
            rows = rows_of(visits, cutoffs, spec, longest, self._multi_hot)
            batch = {key: tf.constant(part) for key, part in rows.items()}
            began = time.perf_counter()
            self._trainer.step(batch).numpy()
            spent += time.perf_counter() - began
            examples += len(cutoffs)
        return examples / spent

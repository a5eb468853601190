"""Training: Adam on the loss of the label's kind, with early stopping by subject.

A running average of the weights is what is validated and kept. It is steadier than the
weights themselves, so that the choice of an epoch on few validation subjects picks up
less noise. The state after every epoch is on disk; a killed run goes on from there and
ends at the same weights, because order and dropout are functions of (seed, step).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from zap.bundles.files import Where
from zap.bundles.target import Target
from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import Float32Array
from zap.errors import TrainingError
from zap.training.backend import keras, tf
from zap.training.batches import Batch, Batches
from zap.training.checkpoint import Checkpoint, digest_of, fingerprint_of
from zap.training.checks import check_examples, check_reads_events, check_settings
from zap.training.config import ModelConfig
from zap.training.history import Epoch
from zap.training.keras_file import keras_bytes
from zap.training.losses import Loss, loss_of, unweighted_loss_of
from zap.training.model import SequenceModel, States

YES_OR_NO = Target()
_LAST_RATE = 0.01
_SAMPLE = 512
_FEWEST_STEPS = 32
_NOISES = (np.array([1_000_003, 0], np.int32), np.array([2_000_003, 0], np.int32))


@dataclass(frozen=True)
class TrainedModel:
    """A model with the best weights, and how it came to be.

    Attributes:
        model: a Keras model.
        spec: the shape of its inputs.
        config: the settings.
        history: one entry an epoch.
        sample: some validation visits, to check a frozen model with.
        target: what its outputs stand for.
    """

    model: Any
    spec: InputSpec
    config: ModelConfig
    history: list[Epoch]
    sample: Visits = field(repr=False)
    target: Target = YES_OR_NO

    def keras_bytes(self) -> bytes:
        """The model as a Keras file; reading it needs ``zap.training.model``."""
        return keras_bytes(self.model)

    def history_dicts(self) -> list[dict[str, Any]]:
        """The history as JSON objects."""
        return [asdict(epoch) for epoch in self.history]


def train(
    train: Visits,
    validation: Visits,
    spec: InputSpec,
    config: ModelConfig | None = None,
    *,
    target: Target = YES_OR_NO,
    start: Sequence[Float32Array] | None = None,
    work_dir: Where | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> TrainedModel:
    """Trains a model.

    Args:
        train: the examples to learn from.
        validation: examples of other subjects, for early stopping. Leave the half that
            judges the calibration out of them.
        spec: the shape of the inputs.
        config: the settings; the defaults if None.
        target: what the labels are (``zap.training.targets``).
        start: weights to begin with (``zap.training.warm``); None: random ones.
        work_dir: where the state after each epoch is kept, a folder or a URL; None
            keeps none. A state of other examples or settings is not used.
        progress: called after each epoch.

    Returns:
        The model with the weights of the best epoch.

    Raises:
        TrainingError: no model can be trained on these examples, or the loss is no
            number after some epoch.
    """
    config = config or ModelConfig()
    check_settings(target, config)
    check_reads_events(config)
    check_examples(train, validation, target)
    train, validation = train.canonical_order(), validation.canonical_order()
    run = _Run(train, validation, spec, config, target)
    if start is not None:
        run.begin_with(start)
    checkpoint = None
    if work_dir is not None:
        settings = [spec.to_dict(), config.to_dict(), target.to_dict()]
        if start is not None:
            settings.append({"start": digest_of(start)})
        mark = fingerprint_of(train, validation, *settings)
        checkpoint = Checkpoint(work_dir, f"training-{mark[:16]}.npz")
        run.history = [Epoch(**epoch) for epoch in checkpoint.restore(run.state())]
    while not run.finished:
        run.epoch()
        _check_learning(run.history[-1])
        if checkpoint:
            checkpoint.save(run.state(), [asdict(epoch) for epoch in run.history])
        if progress:
            progress(run.history[-1])
    run.take_best()
    some = validation.take_visits(np.arange(min(len(validation), _SAMPLE)))
    return TrainedModel(run.averaged, spec, config, run.history, some, target)


def _check_learning(epoch: Epoch) -> None:
    """Weights that are no numbers never come back: the first would be kept, unlearned.

    Raises:
        TrainingError: a loss is no number any more.
    """
    if not math.isfinite(epoch.loss + epoch.validation_loss):
        raise TrainingError(
            f"Expected losses that are finite. Received: loss={epoch.loss}, validation "
            f"loss={epoch.validation_loss} after epoch {epoch.epoch}. Lower the "
            "learning_rate, or look for extreme amounts among the labels."
        )


class _Run:
    """One training: the weights, the optimizer and the epochs so far."""

    def __init__(
        self,
        train: Visits,
        validation: Visits,
        spec: InputSpec,
        config: ModelConfig,
        target: Target,
    ):
        self.config = config
        self.history: list[Epoch] = []
        self.model = SequenceModel(spec, config, target.outputs)
        self.averaged = SequenceModel(spec, config, target.outputs)
        kind = target.label_type
        self._batches = Batches(
            train, spec, config.batch, config.seed, _FEWEST_STEPS, kind
        )
        self._validation = Batches(validation, spec, 2 * config.batch, label_type=kind)
        self._loss = loss_of(target, config.positive_weight)
        self._unweighted = unweighted_loss_of(target, config.positive_weight)
        steps = max(1, self._batches.count) * config.epochs
        self._optimizer = keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                config.learning_rate, steps, alpha=_LAST_RATE
            )
        )
        self._optimizer.build(self.model.trainable_variables)
        self._l2 = config.l2 / train.cutoffs
        self._norm = float(train.weight.sum()) / self._batches.count
        self._best = [v.numpy().copy() for v in self.averaged.trainable_variables]
        signature = _signature(self._batches.spec, tf.as_dtype(kind))
        seed = tf.TensorSpec((2,), tf.int32)
        self._train_step = tf.function(self._step, [signature, seed], autograph=False)
        self._losses = tf.function(self._loss_sums, [signature], autograph=False)

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or no epoch was better for too long."""
        done = len(self.history)
        best = max((e.epoch for e in self.history if e.best), default=0)
        return done >= self.config.epochs or done - best >= self.config.patience

    def state(self) -> list[Any]:
        """All that a resumed run needs, as variables and arrays to fill."""
        return [
            *self.model.trainable_variables,
            *self.averaged.trainable_variables,
            *self._optimizer.variables,
            *self._best,
        ]

    def begin_with(self, start: Sequence[Float32Array]) -> None:
        """Puts given weights in place of the random ones."""
        for model in (self.model, self.averaged):
            for variable, value in zip(model.trainable_variables, start, strict=True):
                variable.assign(value)

    def take_best(self) -> None:
        """Puts the weights of the best epoch into the averaged model."""
        for variable, value in zip(
            self.averaged.trainable_variables, self._best, strict=True
        ):
            variable.assign(value)

    def epoch(self) -> None:
        """One pass over the examples, then the validation."""
        number = len(self.history)
        total = weight = 0.0
        for batch in self._batches.epoch(number):
            seed = np.array([self.config.seed, self._seen_steps()], np.int32)
            sums = self._train_step(_tensors(batch), tf.constant(seed)).numpy()
            total, weight = total + float(sums[0]), weight + float(sums[1])
        validation, unweighted = self._validate()
        best = validation < min(
            (e.validation_loss for e in self.history), default=math.inf
        )
        if best:
            for kept, variable in zip(
                self._best, self.averaged.trainable_variables, strict=True
            ):
                kept[...] = variable.numpy()
        losses = (total / weight, validation, best, unweighted)
        self.history.append(Epoch(number + 1, self.config.epochs, *losses))

    def _seen_steps(self) -> int:
        return int(self._optimizer.iterations.numpy())

    def _validate(self) -> tuple[float, float]:
        sums = [
            self._losses(_tensors(batch)).numpy()
            for batch, _ in self._validation.in_order()
        ]
        total, unweighted, weight = np.sum(np.array(sums, np.float64), axis=0)
        return float(total / weight), float(unweighted / weight)

    def _loss_sums(self, batch: Batch) -> Any:
        logits = batch_logits(self.averaged, batch)
        losses = [loss(logits, batch.label) for loss in (self._loss, self._unweighted)]
        sums = [tf.reduce_sum(batch.weight * each) for each in losses]
        return tf.stack([*sums, tf.reduce_sum(batch.weight)])

    def _step(self, batch: Batch, seed: Any) -> Any:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            sums = _weighted_sums(self.model, batch, self._loss, seed)
            squares = sum(tf.reduce_sum(tf.square(k)) for k in self.model.kernels)
            loss = sums[0] / self._norm + self._l2 * squares
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        self._optimizer.apply(gradients, variables)
        self._average()
        return sums

    def _average(self) -> None:
        """Moves the average; early on it spans only the steps so far."""
        steps = tf.cast(self._optimizer.iterations, tf.float32)
        decay = tf.minimum(self.config.average, steps / (steps + 10.0))
        pairs = zip(
            self.averaged.trainable_variables,
            self.model.trainable_variables,
            strict=True,
        )
        for mean, variable in pairs:
            mean.assign(decay * mean + (1 - decay) * variable)


def _weighted_sums(model: SequenceModel, batch: Batch, loss: Loss, seed: Any) -> Any:
    """The weighted loss of a batch, summed, and the sum of the weights."""
    losses = loss(batch_logits(model, batch, seed), batch.label)
    return tf.stack([tf.reduce_sum(batch.weight * losses), tf.reduce_sum(batch.weight)])


def batch_logits(model: SequenceModel, batch: Batch, seed: Any = None) -> Any:
    """Logits at the cutoffs of a batch; float32, shape (cutoffs, outputs)."""
    # Far apart, so that no step draws what another step drew elsewhere.
    seeds = [None if seed is None else seed + noise for noise in _NOISES]
    states = model.states(batch.indices, batch.values, seeds[0])
    flat = [tf.reshape(part, (-1, *part.shape[2:])) for part in states]
    chosen = States(*(tf.gather(part, batch.place) for part in flat))
    metadata = model.metadata(batch.metadata_indices, batch.metadata_values)
    return model.head(chosen, metadata, seeds[1])


def _tensors(batch: Batch) -> Batch:
    return Batch(*(tf.constant(part) for part in batch))


def _signature(spec: InputSpec, label: Any) -> Batch:
    """Batches of any size have one signature, so that each function is traced once."""
    events, metadata = (None, None, spec.event_width), (None, spec.metadata_width)
    return Batch(
        indices=tf.TensorSpec(events, tf.int32),
        values=tf.TensorSpec(events, tf.float32),
        place=tf.TensorSpec((None,), tf.int32),
        metadata_indices=tf.TensorSpec(metadata, tf.int32),
        metadata_values=tf.TensorSpec(metadata, tf.float32),
        label=tf.TensorSpec((None,), label),
        weight=tf.TensorSpec((None,), tf.float32),
    )

"""The model against a plain numpy copy of its formulas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.datasets.visits import InputSpec, Visits
from zap.training.backend import keras, tf
from zap.training.batches import Batches
from zap.training.config import ModelConfig
from zap.training.layers import SparseDense, dropped
from zap.training.model import SequenceModel
from zap.training.models.gru import EventRecurrence
from zap.training.trainer import batch_logits

CONFIG = ModelConfig(embedding=4, units=5, metadata_units=3, merged_units=6)


def test_sparse_dense_is_the_multi_hot_product() -> None:
    layer = SparseDense(9, 4, seed=1)
    layer.build()
    layer.bias.assign([0.1, 0.2, 0.3, 0.4])
    indices = np.array([[[0, 3], [8, 0]], [[5, 6], [0, 0]]], np.int32)
    values = np.array([[[1, 0.5], [1, 0]], [[1, 1], [0, 0]]], np.float32)
    hot = np.zeros((2, 2, 9), np.float32)
    for at in np.ndindex(2, 2, 2):
        hot[at[0], at[1], indices[at]] += values[at]
    expected = hot @ layer.kernel.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(layer(indices, values), expected, rtol=1e-6)


def test_recurrence_is_the_gru_of_keras() -> None:
    ours = EventRecurrence(3, 5, seed=1)
    ours.build()
    ours.bias.assign(np.linspace(-1, 1, 15))
    ours.recurrent_bias.assign(np.linspace(-1, 1, 5))
    theirs = keras.layers.GRU(5, reset_after=True, return_sequences=True)
    theirs.build((None, None, 3))
    bias = np.zeros((2, 15), np.float32)
    bias[0], bias[1, 10:] = ours.bias.numpy(), ours.recurrent_bias.numpy()
    theirs.set_weights([ours.kernel.numpy(), ours.recurrent.numpy(), bias])
    events = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    states = ours(tf.constant(events)).numpy()
    assert (states[:, 0] == 0).all()
    np.testing.assert_allclose(states[:, 1:], theirs(events), atol=1e-6)


def test_dropout_is_a_function_of_the_seed() -> None:
    x = tf.ones((1000,))
    first = dropped(x, 0.25, tf.constant([1, 2])).numpy()
    assert (first == dropped(x, 0.25, tf.constant([1, 2])).numpy()).all()
    assert (first != dropped(x, 0.25, tf.constant([1, 3])).numpy()).any()
    assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.06
    assert dropped(x, 0.25, None) is x


def logits_of(model: Any, visits: Visits, size: int) -> np.ndarray:
    """Logits at all cutoffs in their order."""
    logits = np.zeros((visits.cutoffs, 2), np.float32)
    for batch, cutoffs in Batches(visits, model.spec, size).in_order():
        logits[cutoffs] = batch_logits(model, batch).numpy()[: len(cutoffs)]
    return logits


def test_shared_passes_equal_single_instances(
    make_visits: Callable[..., Visits], spec: InputSpec
) -> None:
    """Causality: a cutoff's logits do not see the events after it."""
    visits, model = make_visits(20), SequenceModel(spec, CONFIG)
    together = logits_of(model, visits, 8)
    for at in range(visits.cutoffs):
        alone = visits.take_cutoffs(np.arange(visits.cutoffs) == at)
        np.testing.assert_allclose(
            logits_of(model, alone, 1), together[[at]], atol=1e-5
        )


def test_events_after_a_cutoff_change_nothing(
    make_visits: Callable[..., Visits], spec: InputSpec
) -> None:
    model = SequenceModel(spec, CONFIG)
    rng = np.random.default_rng(0)
    indices = rng.integers(0, spec.event_size, (3, 6, 3)).astype(np.int32)
    values = np.ones((3, 6, 3), np.float32)
    other = indices.copy()
    other[:, 4:] = (other[:, 4:] + 1) % spec.event_size
    for before, after in zip(
        model.states(indices, values), model.states(other, values), strict=True
    ):
        assert (before[:, :5].numpy() == after[:, :5].numpy()).all()


def test_keras_file_round_trip(
    make_visits: Callable[..., Visits], spec: InputSpec, tmp_path: Path
) -> None:
    model = SequenceModel(spec, CONFIG)
    model.save(tmp_path / "model.keras")
    read = keras.models.load_model(tmp_path / "model.keras")
    visits = make_visits(10)
    assert (logits_of(model, visits, 8) == logits_of(read, visits, 8)).all()
    assert read.get_config() == model.get_config()


def test_first_weights_depend_on_the_seed_alone(spec: InputSpec) -> None:
    def weights(seed: int) -> bytes:
        model = SequenceModel(spec, ModelConfig(seed=seed))
        return b"".join(np.asarray(w).tobytes() for w in model.weights)

    assert weights(1) == weights(1) != weights(2)

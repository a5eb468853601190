"""Each kind of reader: causal, frozen to one function, deaf to batch and padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.kinds import SEQUENCE_KINDS
from zap.datasets.visits import InputSpec, Visits
from zap.serving.scorer import Scorer
from zap.training.backend import keras, tf
from zap.training.batches import Batches
from zap.training.config import ModelConfig
from zap.training.freeze import convert, freeze, largest_difference
from zap.training.model import SequenceModel
from zap.training.models.cnn import EventConvolutions
from zap.training.models.transformer import EventAttention
from zap.training.trainer import TrainedModel, batch_logits, train

Made = Callable[..., Visits]
SIZES = {"embedding": 8, "units": 12, "metadata_units": 4, "merged_units": 8}
CONFIGS = {
    kind: ModelConfig(kind=kind, **SIZES, **extra)  # type: ignore[arg-type]
    for kind, extra in zip(
        SEQUENCE_KINDS, ({}, {"layers": 2, "kernel": 3}, {"heads": 3}), strict=True
    )
}


def random_model(kind: str, spec: InputSpec) -> SequenceModel:
    """A model whose biases are not 0 either."""
    model = SequenceModel(spec, CONFIGS[kind])
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
    return model


@pytest.fixture(scope="module")
def models(spec: InputSpec) -> dict[str, SequenceModel]:
    return {kind: random_model(kind, spec) for kind in SEQUENCE_KINDS}


@pytest.fixture(scope="module")
def frozen(models: dict[str, SequenceModel]) -> dict[str, bytes]:
    return {kind: convert(model) for kind, model in models.items()}


kinds = pytest.mark.parametrize("kind", SEQUENCE_KINDS)


@kinds
def test_the_frozen_form_is_the_same_function(
    kind: str, models: Any, frozen: Any, spec: InputSpec, make_visits: Made
) -> None:
    visits = make_visits(60, seed=3)
    trained = TrainedModel(models[kind], spec, CONFIGS[kind], [], visits)
    assert largest_difference(trained, frozen[kind], visits) <= 1e-5


@kinds
@pytest.mark.parametrize("batch", [1, 7, 256])
def test_scores_do_not_depend_on_the_batch(
    kind: str, frozen: Any, spec: InputSpec, make_visits: Made, batch: int
) -> None:
    visits, scorer = make_visits(80, seed=4), Scorer(frozen[kind], spec)
    assert (scorer.logits(visits, batch) == scorer.logits(visits, 33)).all()


@kinds
def test_scores_do_not_depend_on_the_neighbours(
    kind: str, frozen: Any, spec: InputSpec, make_visits: Made
) -> None:
    visits, scorer = make_visits(40, seed=4), Scorer(frozen[kind], spec)
    turned = visits.take_visits(np.random.default_rng(1).permutation(40))
    both = [sorted(map(tuple, scorer.logits(v, 7).tolist())) for v in (visits, turned)]
    assert both[0] == both[1]


@kinds
def test_scores_do_not_depend_on_padding(
    kind: str, models: Any, frozen: Any, spec: InputSpec, make_visits: Made
) -> None:
    """A model frozen for longer sequences gives the same bits."""
    longer = replace(spec, last=spec.last + 5)
    other = SequenceModel(longer, CONFIGS[kind])
    for ours, theirs in zip(other.weights, models[kind].weights, strict=True):
        missing = [(0, n - m) for n, m in zip(ours.shape, theirs.shape, strict=True)]
        ours.assign(np.pad(theirs.numpy(), missing, constant_values=7))
    other.count_table = np.pad(models[kind].count_table, [(0, 5), (0, 0)])
    visits = make_visits(60, seed=4)
    expected = Scorer(frozen[kind], spec).logits(visits)
    assert (Scorer(convert(other), longer).logits(visits) == expected).all()


@kinds
def test_what_stands_in_blank_places_is_not_read(
    kind: str, frozen: Any, spec: InputSpec
) -> None:
    rng = np.random.default_rng(0)
    shape = (4, spec.last, spec.event_width)
    indices = rng.integers(0, spec.event_size, shape).astype(np.int32)
    values = np.ones(shape, np.float32)
    length = np.array([0, 1, 3, 6], np.int32)
    metadata = (
        np.zeros((4, spec.metadata_width), np.int32),
        np.ones((4, spec.metadata_width), np.float32),
    )
    blank = (np.arange(spec.last) >= length[:, None])[..., None]
    scorer = Scorer(frozen[kind], spec)
    first = scorer.score(indices, values, length, *metadata)
    second = scorer.score(
        np.where(blank, 0, indices).astype(np.int32),
        np.where(blank, 0, values).astype(np.float32),
        length,
        *metadata,
    )
    assert (first == second).all()


@kinds
def test_a_state_depends_on_the_events_before_it_alone(kind: str, models: Any) -> None:
    rng = np.random.default_rng(0)
    events = rng.normal(size=(3, 6, 8)).astype(np.float32)
    reader = models[kind].reader()
    states = reader(tf.constant(events)).numpy()
    assert states.shape == (3, 7, 12) and (states[:, 0] == 0).all()
    for seen in range(6):
        other = events.copy()
        other[:, seen:] = rng.normal(size=other[:, seen:].shape)
        changed = reader(tf.constant(other)).numpy()
        assert (changed[:, : seen + 1] == states[:, : seen + 1]).all()
        assert (changed[:, seen + 1] != states[:, seen + 1]).any()


@kinds
def test_shared_passes_equal_single_instances(
    kind: str, models: Any, spec: InputSpec, make_visits: Made
) -> None:
    """A window's places count from its own first event, in training as in serving."""
    visits, model = make_visits(20), models[kind]
    assert (visits.start > visits.event_offsets[visits.cutoff_visit()]).any()
    together = np.zeros((visits.cutoffs, 2), np.float32)
    for batch, cutoffs in Batches(visits, spec, 8).in_order():
        together[cutoffs] = batch_logits(model, batch).numpy()[: len(cutoffs)]
    for at in range(0, visits.cutoffs, 3):
        alone = visits.take_cutoffs(np.arange(visits.cutoffs) == at)
        batch, _ = next(Batches(alone, spec, 1).in_order())
        np.testing.assert_allclose(
            batch_logits(model, batch).numpy(), together[[at]], atol=1e-5
        )


@pytest.mark.slow
@kinds
def test_kinds_learn_repeat_themselves_and_come_back_from_a_file(
    kind: str, spec: InputSpec, make_visits: Made, tmp_path: Any
) -> None:
    sets = make_visits(200, seed=1), make_visits(40, seed=2)
    config = replace(CONFIGS[kind], epochs=6, batch=8, learning_rate=0.01, l2=0.1)
    first, second = train(*sets, spec, config), train(*sets, spec, config)
    for one, two in zip(first.model.weights, second.model.weights, strict=True):
        assert (one.numpy() == two.numpy()).all()
    assert first.history[-1].validation_loss < 0.5 < first.history[0].validation_loss
    (tmp_path / "m.keras").write_bytes(first.keras_bytes())
    read = keras.models.load_model(tmp_path / "m.keras")
    assert read.config == config
    scored = Scorer(freeze(first), spec).logits(sets[1])
    assert (Scorer(convert(read), spec).logits(sets[1]) == scored).all()


def test_convolutions_are_those_of_a_loop() -> None:
    layer = EventConvolutions(3, 4, layers=2, kernel=2, seed=1)
    layer.build()
    rng = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    events = rng.normal(size=(2, 5, 3)).astype(np.float32)
    states = events.astype(np.float64)
    for number in range(2):
        kernel, bias = (w.numpy() for w in layer.weights[2 * number : 2 * number + 2])
        width, made = states.shape[2], np.zeros((2, 5, 4))
        for row, at in np.ndindex(2, 5):
            total = bias.astype(np.float64)
            for tap, back in enumerate((2**number, 0)):
                if at >= back:
                    part = kernel[tap * width : (tap + 1) * width]
                    total = total + states[row, at - back] @ part
            made[row, at] = np.maximum(total, 0)
        states = states + made if width == 4 else made
    np.testing.assert_allclose(layer(tf.constant(events))[:, 1:], states, atol=1e-5)


def test_attention_is_that_of_a_loop() -> None:
    layer = EventAttention(3, 4, layers=1, heads=2, last=5, seed=1)
    layer.build()
    rng = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    names = {v.path.rpartition("/")[2]: v.numpy().astype(float) for v in layer.weights}
    events = rng.normal(size=(5, 3)).astype(np.float32)

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(x @ names[f"{name}_kernel"] + names[f"{name}_bias"])

    def normed(name: str, x: np.ndarray) -> np.ndarray:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(
            x.var(-1, keepdims=True) + 1e-6
        )
        return np.asarray(scaled * names[f"{name}_scale"] + names[f"{name}_offset"])

    states = dense("entry", events)
    asked = dense("asked_0", normed("norm_0", states)).reshape(5, 3, 2, 2)
    taken = np.zeros((5, 2, 2))
    for at, head in np.ndindex(5, 2):
        match = [
            asked[at, 0, head] @ asked[before, 1, head] / np.sqrt(2)
            + names["distances_0"][head, at - before]
            for before in range(at + 1)
        ]
        weight = np.exp(match) / np.exp(match).sum()
        taken[at, head] = weight @ asked[: at + 1, 2, head]
    states = states + dense("given_0", taken.reshape(5, 4))
    wide = np.maximum(dense("wide_0", normed("second_norm_0", states)), 0)
    states = normed("last_norm", states + dense("narrow_0", wide))
    found = layer(tf.constant(events[None])).numpy()[0, 1:]
    np.testing.assert_allclose(found, states, atol=1e-5)

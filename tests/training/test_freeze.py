"""The frozen model: Keras' function; padding and batches cannot move its scores."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import SparseRows
from zap.errors import TrainingError
from zap.serving.scorer import Scorer
from zap.training import freeze as module
from zap.training.backend import tf
from zap.training.config import ModelConfig
from zap.training.freeze import convert, freeze, largest_difference
from zap.training.model import SequenceModel
from zap.training.trainer import TrainedModel

Made = Callable[..., Visits]
CONFIG = ModelConfig(embedding=8, units=12, metadata_units=4, merged_units=8)


def random_model(spec: InputSpec) -> SequenceModel:
    """A model whose biases are not 0 either."""
    model = SequenceModel(spec, CONFIG)
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


@pytest.fixture(scope="module")
def model(spec: InputSpec) -> SequenceModel:
    return random_model(spec)


@pytest.fixture(scope="module")
def trained(model: SequenceModel, spec: InputSpec, make_visits: Made) -> TrainedModel:
    return TrainedModel(model, spec, CONFIG, [], make_visits(40))


@pytest.fixture(scope="module")
def frozen(trained: TrainedModel) -> bytes:
    return freeze(trained)


def test_equals_keras(trained: TrainedModel, frozen: bytes, make_visits: Made) -> None:
    assert largest_difference(trained, frozen, make_visits(60, seed=3)) <= 1e-5


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 33, 1000])
def test_bit_equal_over_batch_sizes(
    frozen: bytes, spec: InputSpec, make_visits: Made, batch: int
) -> None:
    visits = make_visits(60, seed=4)
    scorer = Scorer(frozen, spec)
    assert (scorer.logits(visits, batch) == scorer.logits(visits)).all()


def test_bit_equal_at_the_usual_size() -> None:
    """Other sizes of matrices are other kernels; blanks hold whatever was there."""
    spec = InputSpec(40, 500, 12, 50, 4)
    model = SequenceModel(spec, ModelConfig())
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    scorer = Scorer(convert(model), spec)
    rows = 96
    length = rng.integers(0, 41, rows).astype(np.int32)
    indices = rng.integers(0, 500, (rows, 40, 12)).astype(np.int32)
    values = rng.random((rows, 40, 12), np.float32)
    metadata = rng.integers(0, 50, (rows, 4)).astype(np.int32)
    blank = (np.arange(40) >= length[:, None])[..., None]
    cleared = np.where(blank, 0, indices), np.where(blank, 0, values)
    weights = rng.random((rows, 4), np.float32)
    expected = scorer.score(*cleared, length, metadata, weights).tobytes()
    for size in (1, 3, 16, 96):
        parts = [slice(at, at + size) for at in range(0, rows, size)]
        inputs = (indices, values, length, metadata, weights)
        found = [scorer.score(*(each[part] for each in inputs)) for part in parts]
        assert np.concatenate(found).tobytes() == expected


def test_blank_events_leave_the_state_bit_equal(
    model: SequenceModel, frozen: bytes, spec: InputSpec, make_visits: Made
) -> None:
    """A model of longer histories gives the same bits."""
    longer = replace(spec, last=spec.last + 5)
    other = SequenceModel(longer, CONFIG)
    other.set_weights(model.get_weights())
    other.count_table = np.pad(model.count_table, [(0, 5), (0, 0)])
    visits = make_visits(60, seed=4)
    expected = Scorer(frozen, spec).logits(visits)
    assert (Scorer(convert(other), longer).logits(visits) == expected).all()


def test_what_stands_in_blank_places_is_not_read(
    frozen: bytes, spec: InputSpec
) -> None:
    rng = np.random.default_rng(0)
    shape = (4, spec.last, spec.event_width)
    indices = rng.integers(0, spec.event_size, shape).astype(np.int32)
    values = np.ones(shape, np.float32)
    length = np.array([0, 1, 3, 6], np.int32)
    metadata = np.zeros((4, spec.metadata_width), np.int32)
    blank = np.arange(spec.last) >= length[:, None]
    other = np.where(blank[..., None], 0, indices).astype(np.int32)
    zeros = np.where(blank[..., None], 0, values).astype(np.float32)
    scorer = Scorer(frozen, spec)
    ones = metadata.astype(np.float32)
    first = scorer.score(indices, values, length, metadata, ones)
    second = scorer.score(other, zeros, length, metadata, ones)
    assert (first == second).all()


def test_no_metadata_and_no_events(spec: InputSpec, make_visits: Made) -> None:
    bare = replace(spec, metadata_size=0, metadata_width=0)
    visits = make_visits(10)
    empty = SparseRows(
        np.zeros(visits.cutoffs + 1, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.float32),
    )
    visits = replace(visits, metadata=empty, stop=visits.start)
    model = SequenceModel(bare, CONFIG)
    trained = TrainedModel(model, bare, CONFIG, [], visits)
    logits = Scorer(freeze(trained), bare).logits(visits)
    assert np.isfinite(logits).all() and (logits == logits[0]).all()


def test_a_wrong_conversion_is_refused(
    trained: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SequenceModel(trained.spec, replace(CONFIG, seed=9))
    monkeypatch.setattr(module, "convert", lambda _: convert(other))
    with pytest.raises(TrainingError, match="agree within"):
        freeze(trained)
    for weight in other.trainable_variables:
        weight.assign(tf.fill(weight.shape, np.float32("nan")))
    with pytest.raises(TrainingError, match="agree within"):
        freeze(trained)


def test_other_inputs_are_refused(trained: TrainedModel, spec: InputSpec) -> None:
    with pytest.raises(TrainingError, match="inputs the model was trained with"):
        freeze(trained, replace(spec, last=7))


def test_training_is_quiet_on_stderr() -> None:
    code = (
        "from zap.training.model import SequenceModel\n"
        "from zap.training.freeze import convert\n"
        "from zap.training.config import ModelConfig\n"
        "from zap.datasets.visits import InputSpec\n"
        "from zap.serving.scorer import Scorer\n"
        "spec = InputSpec(2, 3, 1, 2, 1)\n"
        "Scorer(convert(SequenceModel(spec, ModelConfig())), spec)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")

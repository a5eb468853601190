"""Models of classes and of amounts: they learn and freeze as others do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.calibrators import uncalibrated
from zap.bundles.target import Target
from zap.datasets.visits import InputSpec, Visits
from zap.errors import TrainingError
from zap.serving.scorer import Scorer
from zap.training.backend import keras
from zap.training.batches import Batches
from zap.training.config import ModelConfig
from zap.training.freeze import convert, freeze, largest_difference
from zap.training.model import SequenceModel
from zap.training.targets import target_of
from zap.training.trainer import TrainedModel, train

Made = Callable[..., Visits]
NAMES = ("none", "few", "many")
KINDS = ("classes", "log", "identity")
CONFIG = ModelConfig(
    embedding=8,
    units=8,
    metadata_units=4,
    merged_units=8,
    epochs=4,
    batch=8,
    learning_rate=0.01,
    dropout=0.0,
)


def labelled(visits: Visits, kind: str) -> Visits:
    """The visits with labels of a kind, which hang on the buyers among them."""
    rng = np.random.default_rng(len(visits))
    buyer = visits.label == 1
    if kind == "classes":
        label = np.where(buyer, rng.choice(3, len(buyer), p=[0.1, 0.3, 0.6]), 0)
        label = np.where(rng.random(len(buyer)) < 0.1, 1, label)
    else:
        label = rng.gamma(4, np.where(buyer, 15, 1)) * (rng.random(len(buyer)) < 0.9)
    if kind == "identity":
        label = label - 20 * (rng.random(len(buyer)) < 0.2)
    return replace(visits, label=label.astype(np.float32))


def schema(kind: str) -> dict[str, object]:
    if kind == "classes":
        return {"kind": "classes", "classes": list(NAMES)}
    return {"kind": "amount"}


@pytest.fixture(scope="module")
def sets(make_visits: Made) -> dict[str, tuple[Visits, Visits]]:
    both = make_visits(300, seed=1), make_visits(60, seed=2)
    return {kind: tuple(labelled(v, kind) for v in both) for kind in KINDS}


@pytest.fixture(scope="module")
def trained(
    sets: dict[str, tuple[Visits, Visits]], spec: InputSpec
) -> dict[str, TrainedModel]:
    return {
        kind: train(*both, spec, CONFIG, target=target_of(schema(kind), *both))
        for kind, both in sets.items()
    }


@pytest.fixture(scope="module")
def frozen(trained: dict[str, TrainedModel]) -> dict[str, bytes]:
    return {kind: freeze(model) for kind, model in trained.items()}


def constant_loss(target: Target, train: Visits, other: Visits) -> float:
    """The validation loss of the best constant of the training examples."""
    y, weight = other.label.astype(float), other.weight
    if target.kind == "classes":
        shares = np.bincount(train.label.astype(int), train.weight) / train.weight.sum()
        return float(np.average(-np.log(shares)[y.astype(int)], weights=weight))
    if target.link == "log":
        t = y / target.scale
        least = np.where(t > 0, t * np.log(np.where(t > 0, t, 1)), 0) - t
        return float(np.average((1 + least) / target.dispersion, weights=weight))
    return float(
        np.average(((y - target.centre) / target.scale) ** 2 / 2, weights=weight)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(
    kind: str,
    sets: dict[str, tuple[Visits, Visits]],
    trained: dict[str, TrainedModel],
) -> None:
    model = trained[kind]
    best = min(epoch.validation_loss for epoch in model.history)
    assert best < 0.93 * constant_loss(model.target, *sets[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_frozen_model_has_an_output_for_each_and_is_keras_function(
    kind: str,
    spec: InputSpec,
    make_visits: Made,
    trained: dict[str, TrainedModel],
    frozen: dict[str, bytes],
) -> None:
    visits = make_visits(60, seed=3)
    assert largest_difference(trained[kind], frozen[kind], visits) <= 1e-5
    scorer = Scorer(frozen[kind], spec)
    outputs = 3 if kind == "classes" else 1
    assert scorer.outputs == outputs
    assert scorer.logits(visits).shape == (visits.cutoffs, outputs)
    assert len(np.unique(scorer.logits(visits)[:, 0])) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_bit_equal_over_batches_and_threads(
    kind: str,
    spec: InputSpec,
    make_visits: Made,
    trained: dict[str, TrainedModel],
    frozen: dict[str, bytes],
) -> None:
    visits = make_visits(60, seed=4)
    scorer = Scorer(frozen[kind], spec, uncalibrated(trained[kind].target))
    expected = scorer.predictions(visits)
    assert expected.shape == (
        (visits.cutoffs, 3) if kind == "classes" else (len(expected),)
    )
    with ThreadPoolExecutor(4) as pool:
        sizes = [1, 2, 3, 7, 33, 1000] * 2
        for found in pool.map(lambda size: scorer.predictions(visits, size), sizes):
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_blank_events_leave_predictions_bit_equal(
    kind: str,
    spec: InputSpec,
    make_visits: Made,
    trained: dict[str, TrainedModel],
    frozen: dict[str, bytes],
) -> None:
    """A model of longer histories gives the same bits."""
    model = trained[kind].model
    longer = replace(spec, last=spec.last + 5)
    other = SequenceModel(longer, CONFIG, model.outputs)
    other.set_weights(model.get_weights())
    other.count_table = np.pad(model.count_table, [(0, 5), (0, 0)])
    visits = make_visits(60, seed=4)
    expected = Scorer(frozen[kind], spec).logits(visits)
    assert (Scorer(convert(other), longer).logits(visits) == expected).all()


@pytest.mark.parametrize("kind", ["classes", "log"])
def test_a_keras_file_round_trips_with_its_outputs(
    kind: str, trained: dict[str, TrainedModel], tmp_path: object
) -> None:
    path = tmp_path / "m.keras"  # type: ignore[operator]
    path.write_bytes(trained[kind].keras_bytes())
    read = keras.models.load_model(path)
    assert read.outputs == trained[kind].model.outputs
    for one, two in zip(read.weights, trained[kind].model.weights, strict=True):
        assert (one.numpy() == two.numpy()).all()


def test_batches_hold_amounts_as_they_are(make_visits: Made, spec: InputSpec) -> None:
    visits = labelled(make_visits(20), "log")
    batches = Batches(visits, spec, 8, label_type=np.float32)
    found = np.zeros(visits.cutoffs, np.float32)
    for batch, cutoffs in batches.in_order():
        assert batch.label.dtype == np.float32
        found[cutoffs] = batch.label
    assert (found == visits.label).all()


def test_positives_are_weighted_only_where_there_are_any(
    sets: dict[str, tuple[Visits, Visits]], spec: InputSpec
) -> None:
    config = replace(CONFIG, positive_weight=3.0)
    for kind in KINDS:
        target = target_of(schema(kind), *sets[kind])
        with pytest.raises(TrainingError, match=r"Received: positive_weight=3\.0"):
            train(*sets[kind], spec, config, target=target)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: np.where(y == 2, 1, y), "many=0"),
        (lambda y: np.where(np.cumsum(y == 2) > 1, 0, y), "many=1"),
        (lambda y: np.where(y == 2, 3, y), "label=3"),
        (lambda y: np.where(y == 2, 1.5, y), "label=1.5"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused(
    sets: dict[str, tuple[Visits, Visits]],
    spec: InputSpec,
    change: Callable[..., np.ndarray],
    message: str,
) -> None:
    examples, validation = sets["classes"]
    wrong = replace(examples, label=change(examples.label).astype(np.float32))
    with pytest.raises(TrainingError, match=f"Received: .*{message}"):
        train(wrong, validation, spec, CONFIG, target=Target("classes", NAMES))

"""Training: it learns, repeats, resumes, and refuses what cannot be learned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.target import Target
from zap.datasets.visits import InputSpec, Visits, concatenate
from zap.errors import TrainingError
from zap.serving.scorer import Scorer
from zap.training.backend import keras
from zap.training.config import ModelConfig
from zap.training.freeze import freeze
from zap.training.history import Epoch
from zap.training.trainer import TrainedModel, train

Made = Callable[..., Visits]
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


class Killed(Exception):
    """Stands for a killed process."""


def weights_of(trained: TrainedModel) -> bytes:
    """All weights of a model."""
    return b"".join(w.numpy().tobytes() for w in trained.model.weights)


@pytest.fixture(scope="module")
def sets(make_visits: Made) -> tuple[Visits, Visits]:
    return make_visits(300, seed=1), make_visits(60, seed=2)


@pytest.fixture(scope="module")
def trained(sets: tuple[Visits, Visits], spec: InputSpec) -> TrainedModel:
    return train(*sets, spec, CONFIG)


def test_it_learns(
    sets: tuple[Visits, Visits], spec: InputSpec, trained: TrainedModel
) -> None:
    share = np.average(sets[1].label, weights=sets[1].weight)
    constant = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    best = min(epoch.validation_loss for epoch in trained.history)
    assert best < 0.9 * constant
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3, 4]


def test_what_the_bundle_takes(trained: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(trained.keras_bytes())
    read = keras.models.load_model(tmp_path / "m.keras")
    assert weights_of(replace(trained, model=read)) == weights_of(trained)
    assert json.loads(json.dumps(trained.history_dicts()))[0]["epoch"] == 1


def test_same_seed_same_weights_whatever_the_order_of_visits(
    sets: tuple[Visits, Visits], spec: InputSpec, trained: TrainedModel
) -> None:
    mixed = [v.take_visits(np.random.default_rng(3).permutation(len(v))) for v in sets]
    again = train(mixed[0], mixed[1], spec, CONFIG)
    assert again.history == trained.history
    assert weights_of(again) == weights_of(trained)


@pytest.mark.slow
def test_two_threads_train_the_same_bits_again() -> None:
    """At sizes at which TensorFlow shares the work out, in both forms of products."""
    code = """
import hashlib, sys
from conftest import made_visits
from zap.datasets.visits import InputSpec
from zap.training.config import ModelConfig
from zap.training.trainer import train

for size, width in ((2000, 12), (60, 12)):
    spec = InputSpec(9, size, width, 40, 3)
    sets = made_visits(1500, 1, spec), made_visits(50, 2, spec)
    seen = set()
    for _ in range(2):
        trained = train(*sets, spec, ModelConfig(epochs=2))
        weights = b"".join(w.numpy().tobytes() for w in trained.model.weights)
        seen.add(hashlib.sha256(weights).hexdigest())
    assert len(seen) == 1, size
"""
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    env = {
        **os.environ,
        "TF_NUM_INTRAOP_THREADS": "2",
        "PYTHONPATH": os.pathsep.join(folders),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_killed_run_resumes_to_the_same_weights(
    sets: tuple[Visits, Visits], spec: InputSpec, trained: TrainedModel, tmp_path: Path
) -> None:
    def kill(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train(*sets, spec, CONFIG, work_dir=tmp_path, progress=kill)
    seen: list[Epoch] = []
    resumed = train(*sets, spec, CONFIG, work_dir=tmp_path, progress=seen.append)
    assert [epoch.epoch for epoch in seen] == [3, 4]
    assert resumed.history == trained.history
    assert weights_of(resumed) == weights_of(trained)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", ["other settings", "truncated"])
def test_an_unfit_state_is_not_used(
    sets: tuple[Visits, Visits], spec: InputSpec, tmp_path: Path, damage: str
) -> None:
    config = replace(CONFIG, epochs=1)
    train(*sets, spec, config, work_dir=tmp_path)
    if damage == "truncated":
        (file,) = tmp_path.iterdir()
        file.write_bytes(file.read_bytes()[:1000])
    else:
        config = replace(config, seed=5)
    seen: list[Epoch] = []
    train(*sets, spec, config, work_dir=tmp_path, progress=seen.append)
    assert [epoch.epoch for epoch in seen] == [1]


def test_stops_early_and_keeps_the_best(
    sets: tuple[Visits, Visits], spec: InputSpec
) -> None:
    config = replace(CONFIG, epochs=50, patience=2, learning_rate=0.3, average=0.0)
    trained = train(*sets, spec, config)
    best = min(trained.history, key=lambda epoch: epoch.validation_loss)
    assert trained.history[-1].epoch == best.epoch + 2 < 50
    assert best.best and not trained.history[-1].best


def test_positive_weight_raises_predictions(
    sets: tuple[Visits, Visits], spec: InputSpec, trained: TrainedModel
) -> None:
    from zap.bundles.calibrator import MatrixScaling
    from zap.serving.scorer import Scorer
    from zap.training.freeze import freeze

    heavy = train(*sets, spec, replace(CONFIG, positive_weight=5.0))
    means = [
        MatrixScaling().apply(Scorer(freeze(t), spec).logits(sets[1])).mean()
        for t in (trained, heavy)
    ]
    assert means[1] > means[0] + 0.1


def with_labels(visits: Visits, value: float) -> Visits:
    """The same visits, all with one label."""
    return replace(visits, label=np.full(visits.cutoffs, value, np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, v: (with_labels(t, 0), v), "no positive labels"),
        (lambda t, v: (with_labels(t, 1), v), "all labels are positive"),
        (lambda t, v: (with_labels(t, 2), v), "whose answer is yes or no"),
        (lambda t, v: (with_labels(t, np.nan), v), "whose answer is yes or no"),
        (lambda t, v: (t.take_visits(np.arange(0)), v), "training examples"),
        (lambda t, v: (t, v.take_visits(np.arange(0))), "validation examples"),
        (lambda t, v: (replace(t, weight=t.weight * 0), v), "weights above 0"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    sets: tuple[Visits, Visits],
    spec: InputSpec,
    change: Callable[[Visits, Visits], tuple[Visits, Visits]],
    message: str,
) -> None:
    with pytest.raises(TrainingError, match=message) as raised:
        train(*change(*sets), spec, CONFIG)
    assert "Received: " in str(raised.value)


def test_losses_that_are_no_numbers_end_the_training(
    make_visits: Made, spec: InputSpec, tmp_path: Path
) -> None:
    """Else the weights of the start would be kept, and frozen like any."""
    target = Target("amount", link="identity", scale=1e-30)  # squares are infinite
    sets = make_visits(20, seed=1), make_visits(10, seed=2)
    with pytest.raises(TrainingError, match=r"finite.* after epoch 1.*learning_rate"):
        train(*sets, spec, CONFIG, target=target, work_dir=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_split_by_time_may_share_subjects(
    sets: tuple[Visits, Visits], spec: InputSpec
) -> None:
    both = concatenate([sets[1], sets[0]])
    assert train(sets[0], both, spec, CONFIG).history


def test_tiny_data_train(make_visits: Made, spec: InputSpec) -> None:
    tiny = make_visits(4, seed=9)
    tiny = replace(tiny, label=(np.arange(tiny.cutoffs) % 2).astype(np.float32))
    trained = train(
        tiny.take_visits(np.arange(3)), tiny.take_visits(np.array([3])), spec, CONFIG
    )
    assert np.isfinite(trained.history[-1].validation_loss)


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_the_loss_without_the_weight_is_that_of_the_kept_model(
    sets: tuple[Visits, Visits], spec: InputSpec, weight: float
) -> None:
    trained = train(*sets, spec, replace(CONFIG, epochs=1, positive_weight=weight))
    logits = Scorer(freeze(trained), spec).logits(sets[1]).astype(float)
    odds = np.exp(logits[:, 1] - logits[:, 0]) / weight
    p = odds / (1 + odds)
    losses = -np.log(np.where(sets[1].label == 1, p, 1 - p))
    expected = np.average(losses, weights=sets[1].weight)
    (epoch,) = trained.history
    assert epoch.unweighted_loss == pytest.approx(expected, rel=1e-4)
    assert (epoch.unweighted_loss == epoch.validation_loss) == (weight == 1)

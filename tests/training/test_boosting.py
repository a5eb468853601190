"""Boosted trees: LightGBM's own scores, the same trees again, and clear refusals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs extra: train")

import lightgbm

from zap.bundles.calibrators import uncalibrated
from zap.bundles.target import Target
from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import SparseRows
from zap.errors import TrainingError
from zap.serving.scorer import Scorer
from zap.serving.trees import Trees, TreesModel
from zap.training.boosting import boost
from zap.training.config import ModelConfig
from zap.training.fit import fit
from zap.training.lightgbm_text import trees_of

Made = Callable[..., Visits]
SPEC = InputSpec(
    last=6, event_size=12, event_width=3, metadata_size=40, metadata_width=12
)
CONFIG = ModelConfig(kind="trees", epochs=4, leaf_rows=5, leaves=7)
LABELS = ("binary", "classes", "log", "identity")


def matrix(visits: Visits) -> np.ndarray:
    """The metadata as dense rows."""
    rows, x = visits.metadata, np.zeros((visits.cutoffs, SPEC.metadata_size))
    x[np.repeat(np.arange(len(rows)), np.diff(rows.offsets)), rows.indices] = (
        rows.values
    )
    return x


def labelled(visits: Visits, kind: str) -> tuple[Visits, Target]:
    """The visits with labels that hang on their metadata, and what these are."""
    rng, x = np.random.default_rng(visits.cutoffs), matrix(visits)
    signal = 3 * x[:, 1] - 2 * x[:, 5] + 2 * x[:, 2] * x[:, 7]
    if kind == "binary":
        y = rng.random(len(x)) < 1 / (1 + np.exp(1 - signal))
        return replace(visits, label=y.astype(np.float32)), Target()
    if kind == "classes":
        y = np.clip(np.round(signal + rng.normal(0, 0.5, len(x))), 0, 2)
        target = Target("classes", ("none", "few", "many"))
        return replace(visits, label=y.astype(np.float32)), target
    y = rng.gamma(2, np.exp(signal / 2))
    if kind == "log":
        target = Target("amount", link="log", scale=float(y.mean()), dispersion=2.0)
        return replace(visits, label=y.astype(np.float32)), target
    target = Target("amount", link="identity", centre=1.0, scale=2.0)
    return replace(visits, label=(y - 1).astype(np.float32)), target


@pytest.fixture(scope="module")
def sets(make_visits: Made) -> dict[str, tuple[Visits, Visits, Target]]:
    both = make_visits(300, 1, SPEC), make_visits(100, 2, SPEC)
    return {
        k: (*(labelled(v, k)[0] for v in both), labelled(both[0], k)[1]) for k in LABELS
    }


@pytest.mark.parametrize("kind", LABELS)
def test_scores_are_those_of_the_library(kind: str, sets: dict) -> None:
    train, validation, target = sets[kind]
    boosted = boost(train, validation, SPEC, CONFIG, target)
    theirs = lightgbm.Booster(model_str=boosted.text).predict(
        matrix(validation)[:, boosted.trees.columns], raw_score=True
    )
    ours = boosted.trees.raw(matrix(validation)[:, boosted.trees.columns])
    np.testing.assert_allclose(ours, theirs.reshape(ours.shape), rtol=0, atol=1e-9)
    assert len(np.unique(ours[:, 0])) > 20
    scorer = Scorer(TreesModel(boosted.trees, SPEC), SPEC, uncalibrated(target))
    found = scorer.predictions(validation)
    booster = lightgbm.Booster(model_str=boosted.text)
    said = booster.predict(matrix(validation)[:, boosted.trees.columns])
    if kind == "log":
        said = said * target.scale
    elif kind == "identity":
        said = said * target.scale + target.centre
    np.testing.assert_allclose(found, said, rtol=1e-5, atol=1e-6)


def test_trees_are_the_same_whatever_the_order_of_the_files(sets: dict) -> None:
    train, validation, target = sets["binary"]
    turned = train.take_visits(np.random.default_rng(0).permutation(len(train)))
    first = fit(train, validation, SPEC, CONFIG, target=target)
    second = fit(turned, validation, SPEC, CONFIG, target=target)
    assert first.files == second.files and set(first.files) == {
        "model.trees.npz",
        "model.lightgbm.txt",
    }
    other = replace(CONFIG, seed=1)
    assert fit(train, validation, SPEC, other, target=target).files != first.files


def test_the_epoch_of_the_lowest_loss_is_kept(sets: dict) -> None:
    train, validation, target = sets["binary"]
    told: list = []
    config = replace(CONFIG, epochs=24, patience=3, shrinkage=0.3)
    boosted = boost(train, validation, SPEC, config, target, told.append)
    assert told == boosted.history and len(told) < 24
    assert [e.epoch for e in told] == list(range(1, len(told) + 1))
    best = max(e.epoch for e in told if e.best)
    assert len(told) - best == 3
    count = len(boosted.trees.first_leaf)
    assert 20 * (best - 1) < count <= 20 * best
    p = 1 / (
        1 + np.exp(-boosted.trees.raw(matrix(validation)[:, boosted.trees.columns]))
    )
    y, w = validation.label, validation.weight
    loss = -np.average(np.log(np.where(y == 1, p[:, 0], 1 - p[:, 0])), weights=w)
    assert loss <= min(e.validation_loss for e in told) + 1e-9


def test_a_weight_of_positives_is_taken_out_of_the_comparable_loss(sets: dict) -> None:
    train, validation, target = sets["binary"]
    plain = boost(train, validation, SPEC, CONFIG, target).history[-1]
    heavy = replace(CONFIG, positive_weight=5.0)
    weighted = boost(train, validation, SPEC, heavy, target).history[-1]
    assert plain.unweighted_loss == plain.validation_loss
    assert weighted.validation_loss > 1.05 * plain.validation_loss
    assert weighted.unweighted_loss is not None
    assert abs(weighted.unweighted_loss - plain.validation_loss) < 0.01


def test_what_cannot_be_learned_is_refused(sets: dict) -> None:
    train, validation, target = sets["binary"]
    bare = replace(SPEC, metadata_size=0, metadata_width=0)
    with pytest.raises(TrainingError, match="metadata or aggregates"):
        boost(train, validation, bare, CONFIG, target)
    wrong = replace(train, label=np.zeros_like(train.label))
    with pytest.raises(TrainingError, match="no positive labels"):
        boost(wrong, validation, SPEC, CONFIG, target)
    heavy = replace(CONFIG, positive_weight=2.0)
    with pytest.raises(TrainingError, match=r"positive_weight=2\.0"):
        boost(*sets["classes"][:2], SPEC, heavy, sets["classes"][2])


def test_where_no_place_tells_anything_the_base_rate_is_predicted(sets: dict) -> None:
    train, validation, target = sets["binary"]
    empty = [
        replace(
            part,
            metadata=SparseRows(
                np.zeros(part.cutoffs + 1, np.int64),
                np.zeros(0, np.int32),
                np.zeros(0, np.float32),
            ),
        )
        for part in (train, validation)
    ]
    fitted = fit(*empty, SPEC, CONFIG, target=target)
    p = Scorer(fitted.model, SPEC).probabilities(empty[1])
    rate = np.average(train.label, weights=train.weight)
    np.testing.assert_allclose(p, rate, atol=1e-6)


def test_the_text_is_read_as_it_is_written() -> None:
    text = (
        "tree\nversion=v4\nnum_tree_per_iteration=1\n\n"
        "Tree=0\nnum_leaves=3\nsplit_feature=1 0\nthreshold=0.5 0.25\n"
        "decision_type=0 0\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=1 2 4\n\n"
        "Tree=1\nnum_leaves=1\nleaf_value=0.125\n\nend of trees\n\nparameters:\n"
    )
    trees = trees_of(text, np.array([3, 8]), 2)
    x = np.array([[0.25, 0.5], [0.3, 0.5], [0.0, 0.6], [np.nan, np.nan]])
    assert trees.raw(x)[:, 0].tolist() == [1.125, 4.125, 2.125, 1.125]
    again = Trees.from_bytes(trees.to_bytes())
    assert again.to_bytes() == trees.to_bytes()
    assert (again.raw(x) == trees.raw(x)).all()


def test_training_trees_loads_no_tensorflow() -> None:
    code = (
        "import sys, zap.jobs.train, zap.training.boosting, zap.training.fit\n"
        "print(sorted({'tensorflow', 'keras', 'lightgbm'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

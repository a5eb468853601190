"""One comparison: a model of Zap and gradient boosting on the very same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from bench.quality.features import Features, Past
from bench.quality.raw import Histories
from zap.beam.generate import GenerateOptions, generate
from zap.bundles.bundle import Bundle
from zap.datasets.splits import SubjectSplit
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.encoding.encoder import Encoder
from zap.evaluation.bootstrap import paired_auc_difference
from zap.evaluation.evaluate import evaluate
from zap.examples.generator import Generator
from zap.histories.subjects import subject_hash
from zap.jobs.inputs import RawInput, raw_input
from zap.jobs.train import train_bundle
from zap.serving.scorer import Scorer
from zap.training.config import ModelConfig

SPLIT = SubjectSplit((0.6, 0.1, 0.3))
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """What is asked in training, and what is asked of the test subjects.

    Attributes:
        name: of the row in the table.
        train: the generator whose examples train Zap's model.
        test: the generator that cuts the test rows.
        data: the raw file.
        own_rows: whether a booster is also trained on rows cut by ``test``.
    """

    name: str
    train: type[Generator]
    test: type[Generator]
    data: Path
    own_rows: bool = False


def trained(
    question: Question, work: Path, config: ModelConfig | None = None
) -> Bundle:
    """The bundle of the question's training generator; made once."""
    path = work / question.train().name
    if (path / "bundle" / "COMPLETED").exists():
        return Bundle.load(path / "bundle")
    dataset = dataset_of(question.train(), question.data, path / "examples")
    return train_bundle(dataset, path / "bundle", config)


def dataset_of(
    generator: Generator, data: Path, output: Path, encoder: Encoder | None = None
) -> Dataset:
    """The examples of a generator; made once."""
    if (output / "COMPLETED").exists():
        return Dataset.open(output)
    raw = found(generator, data)
    if encoder is not None:
        raw.generator.use_instance(encoder.instance)
    options = GenerateOptions(split=SPLIT, encoder=encoder)
    return generate(raw.generator, raw.paths, raw.mapping, output, options)


def found(generator: Generator, data: Path) -> RawInput:
    """The generator with its family's mapping."""
    folder = raw_input("cdnow_repurchase").generator.folder()
    assert generator.mapping is not None
    cls = type(generator)
    reference = f"{cls.__module__}:{cls.__qualname__}"
    return raw_input(reference, [str(data)], str(folder / generator.mapping))


def rows_of(visits: Visits, histories: Histories, by_count: bool) -> list[Past]:
    """The past of each row, from the raw data alone.

    Args:
        visits: whose rows are wanted.
        histories: raw events by subject.
        by_count: whether the past is the first so many events (cutoffs after events) or
            all before the instant (cutoffs in time).
    """
    names = {subject_hash(name): name for name in histories}
    subjects = visits.subjects_of_cutoffs().tolist()
    counts = visits.baseline["events"].astype(int).tolist()
    instants = (visits.instant_us / 1e6).tolist()
    pasts: list[Past] = []
    for subject, count, instant in zip(subjects, counts, instants, strict=True):
        history = histories[names[subject]]
        if by_count:
            pasts.append(history[:count])
        else:
            pasts.append([event for event in history if event["ts"] < instant])
    return pasts


def matrix(pasts: Sequence[Past], visits: Visits, features: Features) -> Array:
    """The hand-made features of each row."""
    instants = (visits.instant_us / 1e6).tolist()
    rows = [features(p, t) for p, t in zip(pasts, instants, strict=True)]
    return np.array(rows, float)


def boosted(train: tuple[Array, Any], stop: tuple[Array, Any], test: Array) -> Array:
    """Gradient boosting, stopped where validation subjects say so."""
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=400,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(*train)
    losses = [log_loss(stop[1], p[:, 1]) for p in model.staged_predict_proba(stop[0])]
    best = int(np.argmin(losses))
    for number, probabilities in enumerate(model.staged_predict_proba(test)):
        if number == best:
            return np.asarray(probabilities[:, 1], float)
    raise AssertionError("the best iteration is one of the iterations")


def compare(
    question: Question,
    bundle: Bundle,
    histories: Histories,
    features: Features,
    by_count: bool,
    work: Path,
) -> tuple[dict[str, Any], Visits]:
    """The metrics of both on the test rows, and the paired differences.

    The booster is trained twice: on the very rows that Zap's model was trained on, and,
    where the question asks at fewer places, on rows of that question alone.
    """
    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    place = work / f"{question.test().name}-rows"
    test = dataset_of(question.test(), question.data, place, encoder)
    place = work / f"{question.train().name}-rows"
    same = dataset_of(question.train(), question.data, place, encoder)
    judged = test.read("test")
    subjects = judged.subjects_of_cutoffs()
    ours = Scorer.from_bundle(bundle).probabilities(judged)
    result: dict[str, Any] = {
        "question": question.name,
        "zap": metrics(judged.label, ours, subjects),
    }
    x = matrix(rows_of(judged, histories, by_count), judged, features)
    trainings = {"same_rows": same, "own_rows": test if question.own_rows else None}
    for name, dataset in trainings.items():
        if dataset is None:
            continue
        parts = []
        for split in ("train", "validation"):
            visits = dataset.read(split)
            rows = matrix(rows_of(visits, histories, by_count), visits, features)
            parts.append((rows, visits.label))
        theirs = boosted(parts[0], parts[1], x)
        result[name] = metrics(judged.label, theirs, subjects)
        result[name]["auc_difference"] = list(
            paired_auc_difference(judged.label, ours, theirs, subjects)
        )
    return result, judged


KEYS = ("auc", "average_precision", "ece", "ece_null_95", "n", "base_rate")


def metrics(y: Any, p: Array, subjects: Any) -> dict[str, Any]:
    """What the table shows of one model."""
    found = evaluate(y, p, subjects)
    return {key: found[key] for key in KEYS}

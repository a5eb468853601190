"""One question, every kind of model: trained, frozen, calibrated and judged alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrators import Calibrator
from zap.bundles.kinds import MODEL_KINDS, TREES
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.evaluation.bootstrap import paired_auc_difference
from zap.evaluation.metrics import auc, average_precision, ece, ece_null, log_loss
from zap.serving.predictor import Predictor
from zap.serving.scorer import Scorer
from zap.training.calibration import halves
from zap.training.calibrations import calibrate_target
from zap.training.config import ModelConfig
from zap.training.fit import Fitted, fit
from zap.training.targets import target_of

Array = NDArray[np.float64]
_PREDICTIONS = 200
_ROUNDS = 5


@dataclass(frozen=True)
class Trained:
    """A model of one kind, ready to be asked.

    Attributes:
        bundle: what is loaded for serving.
        scorer: with its calibration.
        seconds: of training and freezing.
    """

    bundle: Bundle
    scorer: Scorer
    seconds: float


def trained(dataset: Dataset, config: ModelConfig, output: Path) -> Trained:
    """Train as ``zap train`` does, and write what serving needs as a bundle."""
    examples, validation = dataset.read("train"), dataset.read("validation")
    target = target_of(dataset.manifest["label"], examples, validation)
    stopping, judging = halves(validation)
    begun = time.perf_counter()
    fitted = fit(examples, stopping, dataset.spec, config, target=target)
    seconds = time.perf_counter() - begun
    plain = Scorer(fitted.model, dataset.spec)
    calibration = calibrate_target(
        target,
        *(plain.logits(stopping), stopping.label),
        *(plain.logits(judging), judging.label),
        *(stopping.weight, judging.weight, judging.subjects_of_cutoffs()),
    )
    bundle = _written(dataset, config, fitted, calibration.scaling, output)
    return Trained(bundle, Scorer.from_bundle(bundle), seconds)


def _written(
    dataset: Dataset,
    config: ModelConfig,
    fitted: Fitted,
    scaling: Calibrator,
    output: Path,
) -> Bundle:
    files: dict[str, Any] = {
        **fitted.files,
        "encoder.json": dataset.encoder.to_dict(),
        "calibrator.json": scaling.to_dict(),
    }
    info = {"model": {"kind": config.kind}, "inputs": dataset.spec.to_dict()}
    return write_bundle(output, files, info, replace=True)


def compared(
    dataset: Dataset, configs: dict[str, ModelConfig], work: Path
) -> list[dict[str, Any]]:
    """Each kind on the test split, and its ranking beside that of the trees.

    Args:
        dataset: the examples.
        configs: the settings by kind; the trees among them.
        work: where bundles are written.
    """
    test = dataset.read("test")
    models = {
        kind: trained(dataset, configs[kind], work / kind)
        for kind in MODEL_KINDS
        if kind in configs
    }
    predicted = {kind: m.scorer.probabilities(test) for kind, m in models.items()}
    found = []
    for kind, model in models.items():
        beside = predicted[kind], predicted[TREES]
        difference = paired_auc_difference(
            test.label, *beside, test.subjects_of_cutoffs()
        )
        found.append(
            {
                "kind": kind,
                "bundle": str(model.bundle.path),
                **judged(test, predicted[kind]),
                "auc_less_trees": [float(each) for each in difference],
                "seconds": model.seconds,
                **timed(dataset, model.bundle),
            }
        )
    return found


def judged(test: Visits, p: Array) -> dict[str, float]:
    """The measures of the table."""
    return {
        "n": test.cutoffs,
        "base_rate": float(test.label.mean()),
        "auc": auc(test.label, p),
        "average_precision": average_precision(test.label, p),
        "log_loss": log_loss(test.label, p),
        "ece": ece(test.label, p),
        "ece_null_95": ece_null(p)[1],
    }


def timed(dataset: Dataset, bundle: Bundle) -> dict[str, float]:
    """Milliseconds a prediction, from events and of the bare frozen model.

    The median of many single calls, the best of several rounds.
    """
    predictor = Predictor.from_bundle(bundle)
    told = dataset.recent()[:_PREDICTIONS]
    encoded = [
        predictor.encoder.encode_instance(each["events"], each["instant"])
        for each in told
    ]
    inputs = [predictor.inputs(each) for each in encoded]
    predict = [
        lambda e=each: predictor.predict(e["events"], e["instant"])  # type: ignore[misc]
        for each in told
    ]
    bare = [lambda i=each: predictor.scorer.score(*i) for each in inputs]  # type: ignore[misc]
    return {"predict_ms": _best(predict), "bare_ms": _best(bare)}


def _best(calls: list[Any]) -> float:
    medians = []
    for _ in range(_ROUNDS):
        times = []
        for call in calls:
            begun = time.perf_counter()
            call()
            times.append(time.perf_counter() - begun)
        medians.append(float(np.median(times)))
    return 1e3 * min(medians)

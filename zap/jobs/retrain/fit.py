"""Stages 4 and 5: train, which also calibrates, and what the calibration brought."""

from __future__ import annotations

from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.kinds import TREES, kind_of
from zap.datasets.store import Dataset
from zap.encoding.columns import Float32Array
from zap.jobs.retrain.runs import PASSED, Stage
from zap.jobs.retrain.work import BUNDLE, Work
from zap.training.config import ModelConfig

BINARY_OUTPUTS = 2


def fit(work: Work) -> Stage:
    """Train a bundle; a stopped training goes on at its epoch."""
    from zap.jobs.train import train_bundle

    dataset = work.examples()
    config = ModelConfig.from_dict(work.application.model)
    start, said = _start(work, dataset, config)
    bundle = train_bundle(
        dataset,
        work.path(BUNDLE),
        config,
        start=start,
        work_dir=work.path("training"),
        progress=work.watchers.epoch,
        replace=True,
    )
    epochs = bundle.json("history.json")["epochs"]
    metrics = bundle.json("metrics.json")
    figures = {
        "version": bundle.version,
        "epochs": len(epochs),
        "config": config.to_dict(),
        "warm_start": said,
        "parent": work.live.version if work.live else None,
        "auc": metrics["auc"],
    }
    inputs = {"dataset": dataset.manifest["digest"]}
    return Stage(PASSED, f"{len(epochs)} epochs, {said}", figures, inputs)


def calibrated(work: Work) -> Stage:
    """What the calibration brought; `fit` did it, on one half of the validation."""
    bundle = Bundle.load(work.path(BUNDLE))
    figures = dict(bundle.json("calibration.json"))
    said = "kept" if figures.get("kept") else "not kept: it brought nothing"
    inputs = {"version": bundle.version}
    return Stage(PASSED, f"calibration {said}", figures, inputs)


def _start(
    work: Work, dataset: Dataset, config: ModelConfig
) -> tuple[list[Float32Array] | None, str]:
    """The weights to begin with, and why."""
    if not work.application.warm_start:
        return None, "from random weights"
    live: Any = work.live
    if live is None:
        return None, "from random weights: no version is live yet"
    there = kind_of(live.info)
    if config.kind == TREES or config.kind != there:
        said = f"a model of kind {config.kind} does not begin with one of kind {there}"
        return None, f"anew, not from {live.version}: {said}"
    from zap.training.warm import weights_of, why_not

    weights = weights_of(live)
    encoder = dataset.manifest["encoder_fingerprint"]
    problem = why_not(live, weights, encoder, dataset.spec, config, BINARY_OUTPUTS)
    if problem:
        return None, f"from random weights, not from {live.version}: {problem}"
    return weights, f"from the weights of {live.version}"

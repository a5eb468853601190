"""What the benchmark of scoring is run on: a simulated shop, and models of its visits.

Weights are random: they take the time that trained ones take, and no training does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.data_path.question import DataPath
from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrators import uncalibrated
from zap.bundles.kinds import GRU
from zap.bundles.target import Target
from zap.datasets.manifest import describe_generator, input_spec
from zap.encoding.encoder import Encoder
from zap.events.mapping import EventMapping
from zap.serving.frozen import LITERT_FILE, TREES_FILE
from zap.serving.trees import Trees

TREES_OF_MODEL, LEAVES = 200, 2


def made_bundle(path: Path, kind: str, mapping: EventMapping) -> Bundle:
    """A bundle of the question of ``bench.data_path``, made once.

    Args:
        path: where.
        kind: of the model.
        mapping: of the raw events.
    """
    generator = DataPath()
    encoder = Encoder(generator.instance)
    spec = input_spec(encoder)
    frozen = _recurrence(spec) if kind == GRU else _trees(encoder)
    files: dict[str, Any] = {
        **frozen,
        "encoder.json": encoder.to_dict(),
        "calibrator.json": uncalibrated(Target()).to_dict(),
        "generator.json": describe_generator(generator),
        "manifest.json": {"mapping": {"definition": mapping.to_dict()}},
        "metrics.json": {"segments": []},
    }
    info = {
        "application": generator.name,
        "encoder_fingerprint": encoder.fingerprint,
        "inputs": spec.to_dict(),
        "model": {"kind": kind},
    }
    return write_bundle(path, files, info, replace=True)


def _recurrence(spec: Any) -> dict[str, bytes]:
    from zap.training.config import ModelConfig
    from zap.training.freeze import convert
    from zap.training.model import SequenceModel

    return {LITERT_FILE: convert(SequenceModel(spec, ModelConfig()))}


def _trees(encoder: Encoder) -> dict[str, bytes]:
    """As many trees of one condition as boosting may grow."""
    rng = np.random.default_rng(0)
    size = encoder.metadata_size
    trees = Trees(
        columns=np.arange(size),
        feature=rng.integers(0, size, TREES_OF_MODEL),
        threshold=rng.uniform(0, 1, TREES_OF_MODEL),
        left_out=np.full(TREES_OF_MODEL, ~np.uint64(1), np.uint64),
        first_condition=np.arange(TREES_OF_MODEL),
        leaf=rng.normal(0, 0.05, TREES_OF_MODEL * LEAVES),
        first_leaf=np.arange(0, TREES_OF_MODEL * LEAVES, LEAVES),
        sums=1,
        outputs=2,
    )
    return {TREES_FILE: trees.to_bytes()}

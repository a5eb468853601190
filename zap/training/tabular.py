"""Examples as a table: the metadata as dense rows, labels and weights beside them."""

from __future__ import annotations

import numpy as np

from zap.bundles.target import BINARY, CLASSES, LOG, Target
from zap.datasets.visits import Visits
from zap.encoding.columns import FloatArray, IntArray
from zap.serving.trees import Float32, dense
from zap.training.config import ModelConfig


def told(
    visits: Visits, config: ModelConfig, target: Target
) -> tuple[FloatArray, FloatArray]:
    """Labels as the objective takes them, and weights of mean 1 before positives'."""
    label, weight = (p.astype(np.float64) for p in (visits.label, visits.weight))
    weight /= weight.mean()
    if target.kind == BINARY:
        weight *= np.where(label == 1, config.positive_weight, 1.0)
    elif target.kind != CLASSES:
        centre = 0.0 if target.link == LOG else target.centre
        label = (label - centre) / target.scale
    return label, weight


def columns_of(visits: Visits, leaf_rows: int) -> IntArray:
    """The places that enough examples fill; no leaf could tell the others apart."""
    filled = visits.metadata.indices[visits.metadata.values != 0]
    found = np.flatnonzero(np.bincount(filled) >= leaf_rows)
    return found if len(found) else np.zeros(1, np.int64)


def matrix(visits: Visits, columns: IntArray) -> Float32:
    """The metadata as dense rows; float32, shape (cutoffs, columns)."""
    rows = visits.metadata
    row = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    return dense(columns, row, rows.indices, rows.values, len(rows))

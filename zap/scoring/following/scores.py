"""The model of a follower: pasts to predictions, and these to rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from zap.scoring.following.shard import Asked, Row, Score
from zap.scoring.rows import SCHEMA, Scores, prediction_rows
from zap.serving.batched import score_many
from zap.serving.predictor import Prediction
from zap.serving.served import Served

FOLLOWED = pa.schema(
    [
        *SCHEMA,
        ("pane", pa.int32()),
        ("late", pa.bool_()),
        ("run", pa.int32()),
    ]
)
"""Rows of a batch, and which of the scores of an instant it is: of one
``prediction_id`` the row with the highest (``run``, ``pane``) holds. ``late`` says that
the watermark had passed the instant before."""


def scorer_of(served: Served) -> Score:
    """A version of a model, as a shard asks it."""

    def score(asked: Sequence[Asked]) -> Sequence[Prediction]:
        encoded = [served.encode(events, at_us) for events, at_us in asked]
        return score_many(served.predictor, encoded)

    return score


def followed_rows(served: Served, rows: Sequence[Row], run: int) -> pa.RecordBatch:
    """Scores as rows of ``FOLLOWED``."""
    scores = Scores(
        np.array([row.prediction.value for row in rows], np.float64),
        np.array([row.prediction.logits for row in rows], np.float32),
        np.array([row.prediction.events for row in rows], np.int64),
    )
    at_us = np.array([row.at_us for row in rows], np.int64)
    batch = prediction_rows(served, [row.subject for row in rows], at_us, scores)
    more = [
        pa.array([row.pane for row in rows], pa.int32()),
        pa.array([row.late for row in rows], pa.bool_()),
        pa.array([run] * len(rows), pa.int32()),
    ]
    return pa.RecordBatch.from_arrays([*batch.columns, *more], schema=FOLLOWED)


def latest(table: pa.Table) -> pa.Table:
    """Of each prediction the row that holds, sorted by instant and subject."""
    keys = [("prediction_id", "ascending"), ("run", "descending")]
    table = table.sort_by([*keys, ("pane", "descending")])
    ids = table.column("prediction_id").to_numpy(zero_copy_only=False)
    first = np.ones(len(ids), bool)
    first[1:] = ids[1:] != ids[:-1]
    kept = table.filter(pa.array(first))
    return kept.sort_by([("at", "ascending"), ("subject", "ascending")])

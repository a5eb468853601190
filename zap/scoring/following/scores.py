"""The model of a follower: pasts to predictions, and these to rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from zap.encoding.columns import Cutoffs, FlatHistories
from zap.encoding.single import column_of
from zap.encoding.values import as_categorical
from zap.scoring.following.shard import Asked, Row, Score
from zap.scoring.rows import SCHEMA, Scores, prediction_rows
from zap.scoring.scores import score_cutoffs
from zap.serving.batched import score_many
from zap.serving.predictor import Prediction
from zap.serving.served import Served

FEW, MANY = 16, 4_096
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
    """A version of a model, as a shard asks it.

    A few pasts go the way of a request; many are encoded together, as in a batch. The
    scores are the same, to the bit.
    """

    def score(asked: Sequence[Asked]) -> Sequence[Prediction]:
        if len(asked) <= FEW:
            encoded = [served.encode(events, at_us) for events, at_us in asked]
            return score_many(served.predictor, encoded)
        found: list[Prediction] = []
        for begin in range(0, len(asked), MANY):
            found += _together(served, asked[begin : begin + MANY])
        return found

    return score


def _together(served: Served, asked: Sequence[Asked]) -> list[Prediction]:
    histories, cutoffs = histories_of(asked, served.instance.reads.fields)
    scores = score_cutoffs(served.predictor, histories, cutoffs)
    columns = scores.values.tolist(), scores.logits.tolist(), scores.events.tolist()
    return [
        Prediction(tuple(value) if isinstance(value, list) else value, tuple(row), n)
        for value, row, n in zip(*columns, strict=True)
    ]


def histories_of(
    asked: Sequence[Asked], fields: Sequence[str]
) -> tuple[FlatHistories, Cutoffs]:
    """Pasts as the histories of a batch, and the end of each with its instant."""
    events = [event for past, _ in asked for event in past]
    offsets = np.cumsum([0, *(len(past) for past, _ in asked)])
    columns = {name: column_of([e.get(name) for e in events], name) for name in fields}
    columns["type"] = as_categorical(column_of([e["type"] for e in events], "type"))
    time_us = np.array([event["timestamp"] for event in events], np.int64)
    instants = np.array([at_us for _, at_us in asked], np.int64)
    cutoffs = Cutoffs(np.arange(len(asked)), offsets[1:], instants)
    return FlatHistories(offsets, time_us, columns), cutoffs


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
    return kept.sort_by([("instant", "ascending"), ("subject", "ascending")])

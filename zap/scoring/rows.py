"""Rows of predictions: what is written of each, whatever they are written to.

One schema for all kinds of models, with the names that the server's answers have: of
``probability``, ``probabilities`` and ``amount`` one is there and the others are null.
Tables that exist have these columns: add some, and do not rename any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.bundles.target import AMOUNT, CLASSES
from zap.encoding.columns import Float32Array, FloatArray, IntArray
from zap.scoring.ids import prediction_ids
from zap.serving.served import Served
from zap.times import DAY_US

_OF_CLASS = pa.struct([("class", pa.string()), ("probability", pa.float64())])

SCHEMA = pa.schema(
    [
        ("application", pa.string()),
        ("version", pa.string()),
        ("subject", pa.string()),
        ("instant", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("probability", pa.float64()),
        ("probabilities", pa.list_(_OF_CLASS)),
        ("amount", pa.float64()),
        ("logits", pa.list_(pa.float64())),
        ("segment", pa.string()),
        ("events", pa.int32()),
        ("prediction_id", pa.string()),
    ]
)
"""``instant`` is the time of reference and ``day`` its date, UTC; ``events`` is how
many events the sequence held."""


@dataclass(frozen=True)
class Scores:
    """What a model says of some subjects.

    Attributes:
        values: float64, shape (n,): probabilities of a yes, or mean amounts; of
            classes (n, K).
        logits: float32, shape (n, outputs): before calibration.
        events: int64, shape (n,): how many events each sequence held.
    """

    values: FloatArray
    logits: Float32Array
    events: IntArray

    def __len__(self) -> int:
        return len(self.events)


def prediction_rows(
    served: Served, subjects: Sequence[str], at_us: IntArray, scores: Scores
) -> pa.RecordBatch:
    """Scores as rows of ``SCHEMA``.

    Args:
        served: the version that predicted.
        subjects: whom each score is about.
        at_us: int64, shape (n,): the time of reference of each.
        scores: of n subjects.
    """
    size = len(scores)
    ids = prediction_ids(served.application, served.version, subjects, at_us)
    columns = {
        "application": pa.array([served.application] * size, pa.string()),
        "version": pa.array([served.version] * size, pa.string()),
        "subject": pa.array(subjects, pa.string()),
        "instant": pa.array(at_us, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "day": pa.array((at_us // DAY_US).astype(np.int32)).cast(pa.date32()),
        **_values(served, scores.values),
        "logits": _lists(pa.array(scores.logits.astype(np.float64).ravel()), size),
        "segment": pa.array(_segments(served, scores.values), pa.string()),
        "events": pa.array(scores.events.astype(np.int32)),
        "prediction_id": ids,
    }
    return pa.RecordBatch.from_arrays([columns[n] for n in SCHEMA.names], schema=SCHEMA)


def day_of(at_us: int) -> date:
    """The day of a time of reference, UTC: the partition that its rows belong to."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).date()


def _values(served: Served, values: FloatArray) -> dict[str, pa.Array]:
    """The three columns, two of which are null."""
    found = {
        name: pa.nulls(len(values), SCHEMA.field(name).type)
        for name in ("probability", "probabilities", "amount")
    }
    if served.kind == CLASSES:
        names = pa.array([*served.classes] * len(values), pa.string())
        pairs = pa.StructArray.from_arrays(
            [names, pa.array(values.ravel())], fields=list(_OF_CLASS)
        )
        found["probabilities"] = _lists(pairs, len(values))
    else:
        name = "amount" if served.kind == AMOUNT else "probability"
        found[name] = pa.array(values, pa.float64())
    return found


def _lists(items: pa.Array, size: int) -> pa.Array:
    """Items as ``size`` lists of one length."""
    width = len(items) // size if size else 0
    offsets = np.arange(size + 1, dtype=np.int32) * width
    return pa.ListArray.from_arrays(pa.array(offsets), items)


def _segments(served: Served, values: FloatArray) -> list[str] | list[None]:
    """The segment of each; ``Segments.of`` for many."""
    segments = served.segments
    if segments is None or values.ndim > 1:
        return [None] * len(values)
    places: NDArray[np.int64] = np.searchsorted(segments.lowest, values, "right")
    return [segments.names[place] for place in places.tolist()]

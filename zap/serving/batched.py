"""Many instances scored by one call of the model, each as if it were alone.

A frozen model gives an instance the same score whatever else is in its batch, so this
is only quicker. Batches come in some sizes, filled up with blanks: a LiteRT model holds
memory for each size that a thread has used. Up to 16, the most that are answered
together, sizes lie close: a blank costs as much as an instance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zap.encoding.columns import SparseRows
from zap.encoding.encoder import EncodedInstance
from zap.encoding.padding import pad_instances, pad_rows
from zap.serving.predictor import Prediction, Predictor

SIZES = (1, 2, 4, 6, 8, 10, 12, 16, 64, 256)


def score_many(
    predictor: Predictor, encoded: Sequence[EncodedInstance]
) -> list[Prediction]:
    """The predictions of encoded instances, in their order.

    Args:
        predictor: of the model.
        encoded: what its encoder made of each.
    """
    if len(encoded) == 1:
        return [predictor.score(encoded[0])]
    found: list[Prediction] = []
    for begin in range(0, len(encoded), SIZES[-1]):
        found += _scored(predictor, encoded[begin : begin + SIZES[-1]])
    return found


def _scored(
    predictor: Predictor, encoded: Sequence[EncodedInstance]
) -> list[Prediction]:
    size = next(size for size in SIZES if size >= len(encoded))
    lengths = np.zeros(size, np.int64)
    lengths[: len(encoded)] = [len(each.events) for each in encoded]
    stop = lengths.cumsum()
    spec = predictor.scorer.spec
    events = joined([each.events for each in encoded])
    metadata = joined([each.metadata for each in encoded], size)
    padded = (
        pad_instances(events, stop - lengths, stop, spec.last, spec.event_width),
        pad_rows(metadata, spec.metadata_width),
    )
    logits = predictor.scorer.score(*padded[0], *padded[1])[: len(encoded)]
    values = predictor.scorer.calibrator.apply(logits).tolist()
    return [
        Prediction(tuple(value) if isinstance(value, list) else value, tuple(row), n)
        for value, row, n in zip(
            values, logits.tolist(), lengths.tolist(), strict=False
        )
    ]


def joined(parts: Sequence[SparseRows], size: int = 0) -> SparseRows:
    """Sparse rows one after the other, and blank ones up to ``size`` of them."""
    counts = [np.diff(rows.offsets) for rows in parts]
    blanks = max(0, size - sum(map(len, counts)))
    offsets = np.concatenate([[0], *counts, np.zeros(blanks, np.int64)]).cumsum()
    spans = [slice(int(rows.offsets[0]), int(rows.offsets[-1])) for rows in parts]
    pairs = list(zip(parts, spans, strict=True))
    return SparseRows(
        offsets,
        np.concatenate([rows.indices[span] for rows, span in pairs]),
        np.concatenate([rows.values[span] for rows, span in pairs]),
    )

"""Scores of many subjects at one instant: encoded together, scored in batches.

The batch encoder is the one that says what is right, and a frozen model gives an
instance the same score whatever else is in its batch. So these are the scores that a
server gives one by one, to the bit.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import Cutoffs, FlatHistories, SparseRows
from zap.encoding.dimensions import last_before
from zap.encoding.rows import Windows
from zap.histories.batch import HistoryBatch
from zap.scoring.rows import Scores
from zap.serving.predictor import Predictor

NO_EVENTS = SparseRows(
    np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
)


def cutoffs_at(histories: HistoryBatch, at_us: int) -> Cutoffs:
    """The end of every history whose subject did anything.

    Args:
        histories: of what was known by then, and of nothing else.
        at_us: the instant that instances are made for.
    """
    stop = histories.offsets[1:]
    seen = last_before(histories.active, stop) >= histories.offsets[:-1]
    rows = np.flatnonzero(seen)
    return Cutoffs(rows, stop[rows], np.full(len(rows), at_us, np.int64))


def score_cutoffs(
    predictor: Predictor, histories: FlatHistories, cutoffs: Cutoffs
) -> Scores:
    """What a model says at some cutoffs, in their order.

    Args:
        predictor: the model with its encoder and calibration.
        histories: the events.
        cutoffs: where; all that lies before each was known then.

    Raises:
        EncodingError: a field is missing, or its values do not fit its feature.
    """
    encoder, scorer = predictor.encoder, predictor.scorer
    windows = Windows(*encoder.windows(histories, cutoffs)).covered()
    metadata = encoder.encode_metadata(histories, cutoffs)
    lengths, start, stop = windows.stop - windows.start, windows.start, windows.stop
    if scorer.model.reads_events:
        events = encoder.encode_events(histories, windows.kept)
    else:
        events, start = NO_EVENTS, stop
    logits = scorer.logits_of(events, start, stop, metadata)
    return Scores(scorer.calibrator.apply(logits), logits, lengths)

"""The total order of events.

Timestamp, then the sequence (rows without one come after those with), then the
source's digest and the row. It never depends on how files are listed or rows arrive.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import IntArray
from zap.events.coded import whole

_LAST = np.iinfo(np.int64).max


def total_order(events: pa.Table | pa.RecordBatch) -> IntArray:
    """The order of events, whoever their subjects are.

    Args:
        events: with the columns timestamp, sequence, source and row.

    Returns:
        int64, shape (events,): their places, first event first.
    """
    keys = [_int64(events.column("row")), _ranks(events.column("source"))]
    sequence = events.column("sequence")
    if sequence.null_count < len(sequence):
        keys.append(_int64(pc.fill_null(sequence, _LAST)))
    keys.append(_int64(pc.cast(events.column("timestamp"), pa.int64())))
    return np.asarray(np.lexsort(keys), np.int64)


def _ranks(column: pa.Array | pa.ChunkedArray) -> IntArray:
    """Places of texts among the sorted distinct ones."""
    encoded = whole(column).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    rank = np.empty(len(texts), np.int64)
    rank[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return rank[encoded.indices.to_numpy()] if len(texts) else np.zeros(0, np.int64)


def _int64(column: pa.Array | pa.ChunkedArray) -> IntArray:
    values: IntArray = whole(column).to_numpy(zero_copy_only=False).astype(np.int64)
    return values

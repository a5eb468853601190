"""Sparse rows as the padded arrays that a model reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import IntArray, SparseRows
from zap.errors import EncodingError


def pad_instances(
    events: SparseRows, start: IntArray, stop: IntArray, last: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Sequences of events, the oldest first, then blanks.

    A blank entry has index 0 and value 0, so that it adds nothing to a sum.

    Args:
        events: a sparse row for each event.
        start: int64, shape (batch,): first row of each sequence.
        stop: int64, shape (batch,): one past the last row of each.
        last: places for events; no sequence may be longer.
        width: places for entries; no event may have more.

    Returns:
        int32 indices (batch, last, width), float32 values (batch, last, width), and
        int32 lengths (batch,).

    Raises:
        EncodingError: a sequence or an event does not fit.
    """
    length = np.maximum(stop - start, 0)
    if len(length) and length.max() > last:
        raise EncodingError(
            f"A sequence holds at most last={last} events. "
            f"Received: length={int(length.max())}. Cut it to its last events."
        )
    batch, place = _ragged(length)
    rows = start[batch] + place
    indices, values = _padded(
        events, rows, batch * last + place, len(length) * last, width
    )
    shape = (len(length), last, width)
    return indices.reshape(shape), values.reshape(shape), length.astype(np.int32)


def pad_rows(
    rows: SparseRows, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Single rows, such as metadata.

    Args:
        rows: sparse rows.
        width: places for entries; no row may have more.

    Returns:
        int32 indices and float32 values, each of shape (rows, width).

    Raises:
        EncodingError: a row does not fit.
    """
    every = np.arange(len(rows))
    return _padded(rows, every, every, len(rows), width)


def _padded(
    sparse: SparseRows, rows: IntArray, targets: IntArray, total: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    first = sparse.offsets[rows]
    counts = sparse.offsets[rows + 1] - first
    if len(counts) and counts.max() > width:
        raise EncodingError(
            f"A row holds at most width={width} entries. "
            f"Received: entries={int(counts.max())}. Take the encoder's own width."
        )
    row, place = _ragged(counts)
    indices = np.zeros((total, width), np.int32)
    values = np.zeros((total, width), np.float32)
    source = first[row] + place
    indices[targets[row], place] = sparse.indices[source]
    values[targets[row], place] = sparse.values[source]
    return indices, values


def _ragged(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Group and place within the group of each item of groups of these sizes."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - (np.cumsum(counts) - counts)[group]

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
        raise _too_long(int(length.max()), last)
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


def pad_instance(
    events: SparseRows, last: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """``pad_instances`` of the one sequence that holds all rows, for a server.

    A call into numpy costs as much as a whole short row, so there are few of them.

    Args:
        events: a sparse row for each event, the oldest first.
        last: as for ``pad_instances``.
        width: likewise.

    Raises:
        EncodingError: the sequence or an event does not fit.
    """
    offsets = events.offsets
    length = len(offsets) - 1
    counts = offsets[1:] - offsets[:-1]
    if length > last or max(counts.tolist(), default=0) > width:
        raise _unfit(length, last, counts, width)
    indices = np.zeros((1, last, width), np.int32)
    values = np.zeros((1, last, width), np.float32)
    if length:
        first, stop = int(offsets[0]), int(offsets[-1])
        shift = np.arange(0, length * width, width) - offsets[:-1]
        targets = shift.repeat(counts) + np.arange(first, stop)
        indices.reshape(-1)[targets] = events.indices[first:stop]
        values.reshape(-1)[targets] = events.values[first:stop]
    return indices, values, np.array([length], np.int32)


def pad_row(
    rows: SparseRows, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """``pad_rows`` of a single row, for a server.

    Raises:
        EncodingError: the row does not fit.
    """
    first, stop = rows.offsets.tolist()
    if stop - first > width:
        raise _too_wide(stop - first, width)
    indices = np.zeros((1, width), np.int32)
    values = np.zeros((1, width), np.float32)
    indices[0, : stop - first] = rows.indices[first:stop]
    values[0, : stop - first] = rows.values[first:stop]
    return indices, values


def _unfit(length: int, last: int, counts: IntArray, width: int) -> EncodingError:
    if length > last:
        return _too_long(length, last)
    return _too_wide(int(counts.max()), width)


def _too_long(length: int, last: int) -> EncodingError:
    return EncodingError(
        f"A sequence holds at most last={last} events. "
        f"Received: length={length}. Cut it to its last events."
    )


def _too_wide(entries: int, width: int) -> EncodingError:
    return EncodingError(
        f"A row holds at most width={width} entries. "
        f"Received: entries={entries}. Take the encoder's own width."
    )


def _padded(
    sparse: SparseRows, rows: IntArray, targets: IntArray, total: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    first = sparse.offsets[rows]
    counts = sparse.offsets[rows + 1] - first
    if len(counts) and counts.max() > width:
        raise _too_wide(int(counts.max()), width)
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

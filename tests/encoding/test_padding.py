"""Padded arrays hold the rows and blanks, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.columns import SparseRows
from zap.encoding.padding import pad_instances, pad_rows
from zap.errors import EncodingError

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=3, unique=True).map(sorted))


def sparse(rows: list[list[int]]) -> SparseRows:
    flat = [place for row in rows for place in row]
    offsets = np.cumsum([0, *map(len, rows)])
    values = (np.arange(len(flat)) + 1) / 100
    return SparseRows(offsets, np.array(flat, np.int32), values.astype(np.float32))


@given(ROWS, st.data())
def test_sequences_stand_left_and_blanks_are_zero(
    rows: list[list[int]], data: st.DataObject
) -> None:
    events = sparse(rows)
    ends = st.integers(0, len(rows))
    bounds = data.draw(st.lists(st.tuples(ends, ends).map(sorted), max_size=4))
    bounds = [(max(a, b - 4), b) for a, b in bounds]
    start, stop = np.array(bounds, np.int64).reshape(-1, 2).T
    indices, values, length = pad_instances(events, start, stop, 4, 3)
    assert indices.shape == values.shape == (len(bounds), 4, 3)
    assert length.tolist() == [b - a for a, b in bounds]
    expected_indices, expected_values = np.zeros_like(indices), np.zeros_like(values)
    for i, (a, b) in enumerate(bounds):
        for j, row in enumerate(range(a, b)):
            entries = slice(events.offsets[row], events.offsets[row + 1])
            expected_indices[i, j, : len(rows[row])] = events.indices[entries]
            expected_values[i, j, : len(rows[row])] = events.values[entries]
    assert (indices == expected_indices).all() and (values == expected_values).all()
    assert (indices.dtype, values.dtype, length.dtype) == (
        np.int32,
        np.float32,
        np.int32,
    )


@given(ROWS)
def test_single_rows_keep_their_order(rows: list[list[int]]) -> None:
    indices, values = pad_rows(sparse(rows), 5)
    assert indices.shape == values.shape == (len(rows), 5)
    for row, places, numbers in zip(rows, indices, values, strict=True):
        assert places.tolist() == row + [0] * (5 - len(row))
        assert ((numbers > 0) == (np.arange(5) < len(row))).all()


def test_what_does_not_fit_is_refused() -> None:
    events = sparse([[1, 2], [3]])
    with pytest.raises(EncodingError, match=r"last=1 .*length=2"):
        pad_instances(events, np.array([0]), np.array([2]), 1, 2)
    with pytest.raises(EncodingError, match=r"width=1 .*entries=2"):
        pad_rows(events, 1)

"""Padded arrays hold the rows and blanks, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.columns import SparseRows
from zap.encoding.padding import pad_instance, pad_instances, pad_row, pad_rows
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


@given(ROWS, st.integers(0, 3), st.integers(0, 2))
def test_one_sequence_is_padded_as_among_others(
    rows: list[list[int]], skipped: int, wider: int
) -> None:
    """The rows may be a part of others', whose offsets begin anywhere."""
    every = sparse([*[[1, 2]] * skipped, *rows])
    part = SparseRows(every.offsets[skipped:], every.indices, every.values)
    bounds = np.array([0]), np.array([len(rows)])
    last, width = max(len(rows), 1), 3 + wider
    alone, among = (
        pad_instance(part, last, width),
        pad_instances(part, *bounds, last, width),
    )
    for ours, theirs in zip(alone, among, strict=True):
        assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist())


@given(ROWS.filter(bool))
def test_one_row_is_padded_as_among_others(rows: list[list[int]]) -> None:
    every = sparse(rows)
    one = SparseRows(every.offsets[-2:], every.indices, every.values)
    for ours, theirs in zip(pad_row(one, 4), pad_rows(every, 4), strict=True):
        assert (ours.dtype, ours[0].tolist()) == (theirs.dtype, theirs[-1].tolist())


def test_one_that_does_not_fit_is_refused() -> None:
    events = sparse([[1, 2], [3]])
    with pytest.raises(EncodingError, match=r"at most last=1 events.*length=2"):
        pad_instance(events, 1, 3)
    with pytest.raises(EncodingError, match=r"at most width=1 entries.*entries=2"):
        pad_instance(events, 2, 1)
    with pytest.raises(EncodingError, match=r"at most width=1 entries.*entries=2"):
        pad_row(sparse([[1, 2]]), 1)


def test_what_does_not_fit_is_refused() -> None:
    events = sparse([[1, 2], [3]])
    with pytest.raises(EncodingError, match=r"last=1 .*length=2"):
        pad_instances(events, np.array([0]), np.array([2]), 1, 2)
    with pytest.raises(EncodingError, match=r"width=1 .*entries=2"):
        pad_rows(events, 1)

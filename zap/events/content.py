"""A number for each event that its content alone decides.

The rows of a table have no order: it is read as streams, and which rows are in which,
and how many streams there are, differs from one reading to the next. So events of one
time are ordered by this number in place of a file's digest and row. Equal events have
equal numbers, and it does not matter which of them comes first.

The number is made of canonical values, so that a table and a file of the same events
agree whatever types their columns have. It takes part in the total order, so a change
of it changes the examples of datasets made of tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import IntArray
from zap.events.coded import codes_of, is_coded
from zap.events.murmur import C1, Words, finished, murmurs

CONTENT = "content"
"""Of ``EventMapping.ties``, and in place of a source's digest in such events."""

PLACE = "place"
TIES = (PLACE, CONTENT)

BITS = 53
_SEED = 5_914_960


def content_numbers(columns: Mapping[str, pa.Array], rows: int) -> IntArray:
    """The number of each event.

    Args:
        columns: canonical columns by name; their order does not matter, nor does a
            column that is absent in all rows.
        rows: how many events there are.

    Returns:
        int64, shape (rows,): from 0 to 2**53, so that a float can hold them too.
    """
    total = np.zeros(rows, np.uint64)
    for name, column in columns.items():
        if column.null_count < len(column):
            total += _column(name, column)
    return (finished(total) >> np.uint64(64 - BITS)).astype(np.int64)


def _column(name: str, column: pa.Array) -> Words:
    """What a column adds to each row: nothing where it has no value."""
    seed = murmurs(pa.array([name]), _SEED).view(np.uint64)[0]
    if is_coded(column.type):
        distinct = finished(_hashes(column.dictionary) * C1 + seed)
        return np.append(distinct, np.uint64(0))[codes_of(column)]
    found = finished(_hashes(column) * C1 + seed)
    if column.null_count:
        found[~column.is_valid().to_numpy(zero_copy_only=False)] = 0
    return found


def _hashes(column: pa.Array) -> Words:
    """A hash of each value; anything where there is none."""
    if pa.types.is_string(column.type):
        return murmurs(pc.fill_null(column, ""), _SEED).view(np.uint64)
    if pa.types.is_floating(column.type):
        numbers = pc.fill_null(column, 0.0).to_numpy() + 0.0  # one zero, not two
        return finished(numbers.astype(np.float64).view(np.uint64) + C1)
    if not pa.types.is_integer(column.type):
        column = pc.cast(column, pa.int64())
    whole = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return finished(whole.astype(np.int64).view(np.uint64) + C1)

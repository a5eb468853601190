"""What was known when, read from raw rows, whatever the pipeline thinks of it.

A row is known once it has happened and was received. That is decided on the rows as
they were read, before a site's own preparation, so that a preparation that loses
`received_at` or a valid-from is held against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.events.order import total_order
from zap.events.schema import ALWAYS_VALID
from zap.times import instant_us

ALWAYS_US = instant_us(ALWAYS_VALID)
"""The timestamp of a row of a dimension that has no valid-from."""

NEVER_US = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Known:
    """When each raw row was known, and its place in the total order.

    Attributes:
        time_us: int64, shape (rows,): the timestamps.
        known_us: int64, shape (rows,): when it had happened and was received, and all
            rows with it that fold into one event; ``NEVER_US`` for rows of dimensions
            without a valid-from.
        rank: int64, shape (rows,): ascends with the total order; rows that fold into
            one event share that of its first.
        subject: int64, shape (rows,): a number for each subject, -1 for none.
        subjects: the subjects' names by number.
        places: the row's place by its source and number.
    """

    time_us: IntArray
    known_us: IntArray
    rank: IntArray
    subject: IntArray
    subjects: list[str]
    places: dict[tuple[str, int], int]

    @property
    def always(self) -> BoolArray:
        """Rows of dimensions that have no valid-from; bool, shape (rows,)."""
        return np.equal(self.known_us, NEVER_US)

    @classmethod
    def of(cls, table: pa.Table, subject: str) -> Known:
        """What is known when, of canonical events in any order.

        Args:
            table: the rows as they were read.
            subject: the column of the subject; where the table has none, rows have no
                subject, and only what concerns everybody can be altered.
        """
        time_us = micros(table.column("timestamp"), 0)
        known_us = np.maximum(time_us, micros(table.column("received_at"), -NEVER_US))
        number, subjects = _codes(table, subject)
        known_us = _of_first_copy(table, number, known_us)
        lines, group = _groups(table, number)
        known_us[lines] = -_least(group, -known_us[lines])
        dimension = pc.starts_with(table.column("type"), DIMENSION_PREFIX).to_numpy()
        known_us[dimension.astype(bool) & (time_us == ALWAYS_US)] = NEVER_US
        source = table.column("source").to_pylist()
        row = table.column("row").to_pylist()
        places = {each: i for i, each in enumerate(zip(source, row, strict=True))}
        rank = _ranks(table, lines, group)
        return cls(time_us, known_us, rank, number, subjects, places)


def micros(column: pa.ChunkedArray, missing: int) -> IntArray:
    """Times as microseconds, ``missing`` where there is none."""
    filled = pc.fill_null(pc.cast(column, pa.int64()), pa.scalar(missing, pa.int64()))
    return np.array(filled.to_numpy(), np.int64)


def _codes(table: pa.Table, name: str) -> tuple[IntArray, list[str]]:
    """A number for each distinct text of a column, -1 where there is none."""
    if name not in table.schema.names:
        return np.full(table.num_rows, -1), []
    encoded = pc.dictionary_encode(table.column(name)).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        return np.zeros(0, np.int64), []
    codes = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    return codes, [str(text) for text in encoded.dictionary.to_pylist()]


def _of_first_copy(table: pa.Table, subject: IntArray, known_us: IntArray) -> IntArray:
    """Copies of one event, told by its id, are known with the first of them."""
    ids, names = _codes(table, "event_id")
    given = np.flatnonzero(ids >= 0)
    if not len(given):
        return known_us
    group = (subject[given] + 1) * len(names) + ids[given]
    known_us[given] = _least(group, known_us[given])
    return known_us


def _groups(table: pa.Table, subject: IntArray) -> tuple[IntArray, IntArray]:
    """The rows that fold into one event with others, and a number for each event."""
    lines, names = _codes(table, "group")
    given = np.flatnonzero(lines >= 0)
    return given, (subject[given] + 1) * len(names) + lines[given]


def _ranks(table: pa.Table, lines: IntArray, group: IntArray) -> IntArray:
    rank = np.empty(table.num_rows, np.int64)
    rank[total_order(table)] = np.arange(table.num_rows)
    rank[lines] = _least(group, rank[lines])
    # Copies of a file have one name, so their rows are equal in the order too.
    source = _codes(table, "source")[0]
    row = np.asarray(table.column("row").to_numpy(), np.int64)
    order = np.lexsort((row, source))
    same = np.zeros(len(order), bool)
    same[1:] = (np.diff(source[order]) == 0) & (np.diff(row[order]) == 0)
    copy = np.empty(len(order), np.int64)
    copy[order] = np.cumsum(~same)
    return _least(copy, rank)


def _least(group: IntArray, values: IntArray) -> IntArray:
    """Each value replaced by the least of its group."""
    _, inverse = np.unique(group, return_inverse=True)
    least = np.full(int(inverse.max(initial=-1)) + 1, NEVER_US)
    np.minimum.at(least, inverse, values)
    return np.asarray(least[inverse])

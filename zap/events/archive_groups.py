"""Row groups of an archive's files, by the numbers of the events that they hold.

A row group is the least that is read of a file, and its statistics tell its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.events.archive_files import span_of
from zap.events.files import unreadable

SEQUENCE = "sequence"


class Group(NamedTuple):
    """A row group of a file, with the numbers that it may hold."""

    first: int
    next: int
    path: str
    number: int


def groups_in(path: str, metadata: pq.FileMetaData) -> Iterator[Group]:
    """The row groups of a file that have rows."""
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    place = names.index(SEQUENCE)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        told = group.column(place).statistics
        if group.num_rows and told is not None and told.has_min_max:
            yield Group(told.min, told.max + 1, path, number)
        elif group.num_rows:
            span = span_of(path)
            assert span is not None, path
            yield Group(span[0], span[1], path, number)


def within(table: pa.Table, first: int, next_: int) -> pa.Table:
    """The rows whose numbers are from ``first`` on and below ``next_``."""
    column = table.column(SEQUENCE)
    mask = pc.and_(pc.greater_equal(column, first), pc.less(column, next_))
    return table.filter(mask)


def in_order(table: pa.Table) -> pa.RecordBatch | None:
    """The rows by number, each once; None of none.

    Files overlap where a damaged one was made again.
    """
    numbers = table.column(SEQUENCE).to_numpy()
    _, places = np.unique(numbers, return_index=True)
    batches = table.take(pa.array(places)).combine_chunks().to_batches()
    return batches[0] if batches else None


@contextmanager
def damage(path: str) -> Iterator[None]:
    """As ``reading``, but for a file that is gone."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(path, error) from error

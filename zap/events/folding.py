"""Joins rows that together are one event, like the lines of an invoice.

It needs all rows of a group, wherever they were read, so it is done after grouping by
subject. Rows are first put in total order; whatever is taken from "the first" row, and
every sum of floats, is then free of the order in which the rows arrived.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.events.coded import whole
from zap.events.mapping import EventMapping
from zap.events.order import total_order

_INT64 = np.iinfo(np.int64)


def fold_rows(
    table: pa.Table, mapping: EventMapping, subject: str
) -> tuple[pa.Table, int]:
    """Make one event of rows with the same subject and group.

    The event has the canonical fields of its first row in total order (so its
    timestamp is the earliest), its group as event_id, and each property by the
    property's fold. It is not known before all of it is: it is received with the last
    receipt of its rows, and where they have several timestamps not before the last.
    "first" and "last" take values that are there; a sum, a smallest and a largest value
    pass over absent ones, and are absent if all are. A sum of integers stays within
    int64.

    Args:
        table: events in the canonical schema, with any of the declared properties.
        mapping: says how each property is folded.
        subject: the column that holds the subject. Rows without a subject or without
            a group stay as they are.

    Returns:
        The events in total order, and the number of rows that went into another.
    """
    if mapping.row_group_key is None or not table.num_rows:
        return table, 0
    table = table.take(total_order(table)).combine_chunks()
    groups, grouped = _groups(table, subject)
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1))
    first = order[bounds]
    folded = table.take(first)
    for name, spec in mapping.properties.items():
        if name in table.schema.names:
            column = whole(table.column(name)).take(pa.array(order))
            values = _FOLDS[spec.fold](column, bounds)
            folded = _set_column(folded, name, values)
    folded = _set_column(folded, "received_at", _received(table, order, bounds))
    ids = pc.if_else(
        pa.array(grouped[first]), folded.column("group"), folded.column("event_id")
    )
    folded = _set_column(folded, "event_id", ids)
    return folded.take(np.argsort(first)), table.num_rows - folded.num_rows


def _received(table: pa.Table, order: IntArray, bounds: IntArray) -> pa.Array:
    """When each event was received: an invoice of two minutes with the second."""
    times = whole(table.column("timestamp")).take(pa.array(order))
    received = whole(table.column("received_at")).take(pa.array(order))
    first, last = times.take(pa.array(bounds)), _largest(times, bounds)
    received = _largest(received, bounds)
    before_the_last = pc.fill_null(pc.less(received, last), True)
    several = pc.and_(pc.greater(last, first), before_the_last)
    return pc.if_else(several, last, received)


def _groups(table: pa.Table, subject: str) -> tuple[IntArray, BoolArray]:
    """A number for each row's group, and whether it has one."""
    subjects = _codes(table.column(subject))
    keys = _codes(table.column("group"))
    grouped = (subjects >= 0) & (keys >= 0)
    width = int(keys.max(initial=0)) + 1
    alone = int(subjects.max(initial=0) + 1) * width + np.arange(len(keys))
    return np.where(grouped, subjects * width + keys, alone), grouped


def _codes(column: pa.ChunkedArray) -> IntArray:
    """Numbers of distinct values; -1 where there is none."""
    indices = whole(column).dictionary_encode().indices
    codes: IntArray = pc.fill_null(indices, -1).to_numpy().astype(np.int64)
    return codes


def _first(column: pa.Array, bounds: IntArray) -> pa.Array:
    places = np.where(_valid(column), np.arange(len(column)), len(column))
    found = np.minimum.reduceat(places, bounds)
    return column.take(pa.array(found, mask=found == len(column)))


def _last(column: pa.Array, bounds: IntArray) -> pa.Array:
    stops = np.append(bounds[1:], len(column))
    places = np.where(_valid(column), np.arange(len(column)), -1)
    found = np.maximum.reduceat(places, bounds)
    assert (found < stops).all()
    return column.take(pa.array(found, mask=found < bounds))


def _sum(column: pa.Array, bounds: IntArray) -> pa.Array:
    valid = _valid(column)
    some = np.logical_or.reduceat(valid, bounds)
    values = pc.fill_null(column, 0).to_numpy()
    sums = np.add.reduceat(values, bounds)
    if pa.types.is_integer(column.type):
        # Beyond int64 a sum would wrap around to a number of the other sign.
        size = np.add.reduceat(values.astype(np.float64), bounds)
        sums = np.where(size >= 2.0**63, _INT64.max, sums)
        sums = np.where(size <= -(2.0**63), _INT64.min, sums)
    return pa.array(sums, column.type, mask=~some)


def _smallest(column: pa.Array, bounds: IntArray) -> pa.Array:
    return _first_by(column, bounds, "ascending")


def _largest(column: pa.Array, bounds: IntArray) -> pa.Array:
    return _first_by(column, bounds, "descending")


def _first_by(column: pa.Array, bounds: IntArray, direction: str) -> pa.Array:
    """The value that comes first in each group when all are sorted."""
    order = pc.array_sort_indices(column, order=direction, null_placement="at_end")
    rank = np.empty(len(column), np.int64)
    rank[order.to_numpy()] = np.arange(len(column))
    best = np.minimum.reduceat(rank, bounds)
    return column.take(order.take(pa.array(best)))


def _valid(column: pa.Array) -> BoolArray:
    mask: BoolArray = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return mask


def _set_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), values)


_FOLDS = {
    "first": _first,
    "last": _last,
    "sum": _sum,
    "count": _sum,
    "min": _smallest,
    "max": _largest,
}

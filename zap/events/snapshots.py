"""What happened between two states of a table, as events.

A table of customers or subscriptions says how things are, not what happened. Two of its
states tell: a row that is new, gone, or not as before. When it happened is not known,
only that it was before the later state was taken. So that is the event's time: with an
earlier one, examples would know what nobody could know yet.

The rows of the first state are ``present``. They were made at some time before, and to
call them created would show a crowd of new customers that there never was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.errors import InputError
from zap.events.cells import mask_of, plain, to_text, without_nan
from zap.events.coded import whole
from zap.events.schema import TIMESTAMP
from zap.events.tables import shown

PRESENT, CREATED, CHANGED, DELETED = "present", "created", "changed", "deleted"
_KEY = "\0key"  # the place of a state's key: no column of a file is called so


def event_schema(state: pa.Schema) -> pa.Schema:
    """The columns of the events of a table.

    Args:
        state: the compared columns of the table, without its key.

    Returns:
        ``id``, ``key``, ``timestamp``, ``type``; ``changed`` with the names of the
        columns that changed, joined by commas; the structs ``row``, the state from then
        on or the last one of a row that is gone, and ``old``, the one before a change.
    """
    columns = pa.struct(list(state))
    texts = [pa.field(name, pa.string()) for name in ("id", "key")]
    return pa.schema(
        [
            *texts,
            pa.field("timestamp", TIMESTAMP),
            pa.field("type", pa.string()),
            pa.field("changed", pa.string()),
            pa.field("row", columns),
            pa.field("old", columns),
        ]
    )


def state_of(table: pa.Table, key: str, where: str) -> pa.RecordBatch:
    """A state that can be compared: its key as texts in front, sorted by them.

    Args:
        table: the rows of one state.
        key: the column that names a row.
        where: what the state is called in messages.

    Raises:
        InputError: a row has no key, or two rows have the same.
    """
    keys = to_text(whole(table.column(key)), key).values
    if keys.null_count:
        raise InputError(
            "Expected a key in every row of a snapshot, since rows are told apart by "
            f"it. Received: {key}=null in {keys.null_count} rows of {where}. Name "
            "another column with --key, or leave these rows out."
        )
    counted = pc.value_counts(keys)
    if len(counted) < len(keys):
        twice = counted.filter(pc.greater(counted.field("counts"), 1))
        raise InputError(
            "Expected every row of a snapshot to have its own key. Received: "
            f"{key}={shown(twice.field('values')[0].as_py())} in several rows of "
            f"{where}. Name a column with --key that tells rows apart."
        )
    order = pc.array_sort_indices(keys)
    columns = {_KEY: keys.take(order)}
    for name in table.column_names:
        if name != key:
            columns[name] = _comparable(whole(table.column(name))).take(order)
    return pa.RecordBatch.from_pydict(columns)


def _comparable(cells: pa.Array) -> pa.Array:
    """Cells without encodings; of floats NaN is absent, as everywhere."""
    cells = plain(cells)
    return without_nan(cells) if pa.types.is_floating(cells.type) else cells


def changes(
    old: pa.RecordBatch | None, new: pa.RecordBatch, at_us: int, name: str
) -> list[pa.RecordBatch]:
    """The events between two states, sorted by key within each kind.

    Args:
        old: the earlier state, of ``state_of``; None for the first.
        new: the later one, with the same columns.
        at_us: when the later one was taken, microseconds since 1970, UTC.
        name: of the table; events are of the types ``name.created`` and so on.

    Returns:
        Batches of ``event_schema``, with at least one row each.
    """
    if old is None:
        found = [_events(PRESENT, name, at_us, new)]
        return [each for each in found if each.num_rows]
    place = pc.index_in(new.column(_KEY), value_set=old.column(_KEY))
    kept = place.is_valid()
    gone = np.ones(old.num_rows, bool)
    gone[place.drop_null().to_numpy()] = False
    before, after = old.take(place.drop_null()), new.filter(kept)
    differs = _differences(before, after)
    changed = np.logical_or.reduce([*differs.values(), np.zeros(len(after), bool)])
    found = [
        _events(CREATED, name, at_us, new.filter(pc.invert(kept))),
        _events(
            CHANGED,
            name,
            at_us,
            after.filter(pa.array(changed)),
            before.filter(pa.array(changed)),
            _changed_names({n: mask[changed] for n, mask in differs.items()}),
        ),
        _events(DELETED, name, at_us, old.filter(pa.array(gone))),
    ]
    return [each for each in found if each.num_rows]


def columns_of(state: pa.RecordBatch) -> pa.Schema:
    """The compared columns of a state of ``state_of``, without its key."""
    return pa.schema([field for field in state.schema if field.name != _KEY])


def _differences(before: pa.RecordBatch, after: pa.RecordBatch) -> dict[str, BoolArray]:
    """By column, the rows whose cell is another one; absent and absent are alike."""
    return {
        name: mask_of(
            pc.coalesce(
                pc.not_equal(before.column(name), after.column(name)),
                pc.xor(before.column(name).is_null(), after.column(name).is_null()),
            )
        )
        for name in after.schema.names
        if name != _KEY
    }


def _changed_names(differs: Mapping[str, BoolArray]) -> pa.Array:
    none = pa.scalar(None, pa.string())
    names = [
        pc.if_else(pa.array(mask), pa.scalar(name), none)
        for name, mask in differs.items()
    ]
    return pc.binary_join_element_wise(*names, ",", null_handling="skip")


def _events(
    kind: str,
    name: str,
    at_us: int,
    row: pa.RecordBatch,
    old: pa.RecordBatch | None = None,
    changed: pa.Array | None = None,
) -> pa.RecordBatch:
    """Events of one kind; without ``old`` there is nothing before."""
    size, keys = row.num_rows, row.column(_KEY)
    states = columns_of(row)
    schema = event_schema(states)
    columns = [
        pc.binary_join_element_wise(name, keys, str(at_us), "/"),
        keys,
        pa.repeat(pa.scalar(at_us, TIMESTAMP), size),
        pa.repeat(f"{name}.{kind}", size),
        pa.nulls(size, pa.string()) if changed is None else changed,
        _struct(row, states),
        pa.nulls(size, pa.struct(list(states)))
        if old is None
        else _struct(old, states),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _struct(state: pa.RecordBatch, states: pa.Schema) -> pa.Array:
    cells = [state.column(name) for name in states.names]
    return pa.StructArray.from_arrays(cells, fields=list(states))

"""Alters what nobody knew yet: changed, dropped, or shuffled.

An alteration must not trip a limit by accident, or it would prove the limit and not the
rule. So no row is added; times only move later and gaps between them only grow, so that
no sessions merge; ids and groups that were new stay new; subjects keep their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.checks.known import Known
from zap.encoding.columns import BoolArray, IntArray
from zap.times import DAY_US

IDENTITY = ("timestamp", "received_at", "event_id", "sequence", "group")
ORIGIN = ("source", "row")

Mutation: TypeAlias = Callable[
    [pa.Table, Known, BoolArray, IntArray, str, np.random.Generator], pa.Table
]


def dropped(
    table: pa.Table,
    known: Known,
    rows: BoolArray,
    since_us: IntArray,
    subject: str,
    rng: np.random.Generator,
) -> pa.Table:
    """The table without the rows."""
    return table.filter(pa.array(~rows))


def changed(
    table: pa.Table,
    known: Known,
    rows: BoolArray,
    since_us: IntArray,
    subject: str,
    rng: np.random.Generator,
) -> pa.Table:
    """The rows with types and values of other rows, later times and new ids.

    Args:
        table: canonical events.
        known: what is known when.
        rows: bool, shape (rows,): which may be altered.
        since_us: int64, shape (rows,): what each row's times lie behind.
        subject: the column that stays as it is.
        rng: draws the values.
    """
    chosen = np.flatnonzero(rows)
    donors = np.arange(table.num_rows)
    donors[chosen] = rng.integers(0, table.num_rows, len(chosen))
    fixed = np.flatnonzero(rows & known.always)
    donors[fixed] = rng.permutation(fixed)
    larger = rows & (rng.random(table.num_rows) < 0.5)
    for name in _content(table, subject):
        column = table.column(name)
        # A dimension's row of no time keeps its type, or it would become an event.
        taken = np.where(known.always, np.arange(len(donors)), donors)
        mixed = column.take(pa.array(taken if name == "type" else donors))
        table = _set(table, name, _grown(mixed, larger))
    delay = int(rng.integers(1, DAY_US))
    for name in ("timestamp", "received_at"):
        table = _set(table, name, _later(table.column(name), rows, since_us, delay))
    for name in ("event_id", "group"):
        table = _set(table, name, _renamed(table.column(name), rows))
    return table


def shuffled(
    table: pa.Table,
    known: Known,
    rows: BoolArray,
    since_us: IntArray,
    subject: str,
    rng: np.random.Generator,
) -> pa.Table:
    """The rows with their types and values dealt out anew among each subject's rows."""
    chosen = np.flatnonzero(rows & ~known.always)
    whose = known.subject[chosen]
    places = np.arange(table.num_rows)
    by_subject = np.argsort(whose, kind="stable")
    mixed = np.lexsort((rng.random(len(chosen)), whose))
    places[chosen[by_subject]] = chosen[mixed]
    fixed = np.flatnonzero(rows & known.always)
    donors = places.copy()
    donors[fixed] = rng.permutation(fixed)
    for name in _content(table, subject):
        taken = places if name == "type" else donors
        table = _set(table, name, table.column(name).take(pa.array(taken)))
    return table


MUTATIONS: dict[str, Mutation] = {
    "changed": changed,
    "dropped": dropped,
    "shuffled": shuffled,
}


def _content(table: pa.Table, subject: str) -> list[str]:
    """Columns that say what happened, not to whom, when, or from where it was read."""
    kept = {subject, *IDENTITY, *ORIGIN}
    if subject not in table.schema.names:
        kept.add("anonymous_id")
    return [name for name in table.schema.names if name not in kept]


def _set(table: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), values)


def _grown(column: pa.ChunkedArray, larger: BoolArray) -> pa.ChunkedArray | pa.Array:
    """Numbers three times as large where ``larger`` says so, other values as given."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return column
    small = pc.fill_null(pc.less(pc.abs(column), 1_000_000_000_000), False)
    grow = pc.and_(pa.array(larger), small)
    return pc.if_else(grow, pc.multiply(column, pa.scalar(3, kind)), column)


def _later(
    column: pa.ChunkedArray, rows: BoolArray, since_us: IntArray, delay_us: int
) -> pa.ChunkedArray:
    """Times at or behind ``since_us`` moved later, and farther from each other."""
    present = pc.is_valid(column).to_numpy()
    filled = pc.fill_null(pc.cast(column, pa.int64()), pa.scalar(0, pa.int64()))
    times = np.array(filled.to_numpy(), np.int64)
    moved = rows & present & (times >= since_us)
    behind = np.where(moved, times - since_us, 0)
    times = times + np.where(moved, behind // 2 + delay_us, 0)
    return pc.cast(pa.array(times, mask=~present), column.type)


def _renamed(column: pa.ChunkedArray, rows: BoolArray) -> pa.ChunkedArray | pa.Array:
    """Ids that no row has, still missing where they were."""
    if column.null_count == len(column):
        return column
    new = pc.binary_join_element_wise(column, pa.scalar("altered"), "~")
    return pc.if_else(pa.array(rows), new, column)

"""Reads GA4's BigQuery export as Parquet: of the lists, only what a mapping names.

An event has some 15 to 25 parameters, each with four possible values, and a mapping
names a few. So keys are compared as codes over whole batches, and values are made texts
for the records that are wanted alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.encoding.columns import IntArray
from zap.events.cells import plain, to_text, without_nan
from zap.events.coded import codes_of
from zap.events.ga4_columns import (
    COUNT,
    DERIVED,
    ITEMS,
    VALUES,
    Nested,
    base_columns,
    derive,
    nested_column,
)
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import column_of, leaf_paths, read_batches, rows_of
from zap.events.raw import RawRows, check_columns
from zap.events.sources import Source

BATCH_ROWS = 16_384  # lists make rows long: some 10 to 50 MB a batch
# Writers differ in what stands between a list and its fields, and in whether it does.
_ITEM_LEAF = re.compile(rf"^{ITEMS}\.(list\.(element|item)\.|bag\.array_element\.)?")
_OPTIONAL = {base for bases, _ in DERIVED.values() for base in bases}


def read_ga4_parquet(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of a file, or of some of its row groups.

    Args:
        source: the file; its row groups if it is a part of one.
        mapping: not looked at: the file's own types say all.
        columns: the columns to give, see ``zap.events.ga4_columns``.
        batch_rows: most rows in a batch; at most ``BATCH_ROWS`` are given.

    Yields:
        Rows with their cells as the file types them; values of lists as texts.

    Raises:
        InputError: the file cannot be read.
        MappingError: an export has no such column.
    """
    bases = base_columns(columns)

    def choose(parquet: pq.ParquetFile) -> tuple[Sequence[str], Sequence[str]]:
        return _choose(parquet, bases, columns, source.path)

    for batch, row in read_batches(source, choose, min(batch_rows, BATCH_ROWS)):
        yield rows_of(derive(columns, ga4_cells(batch, bases)), row)


def ga4_cells(batch: pa.RecordBatch, bases: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of an export, of the leaves and records that a batch holds of it."""
    lists = _Lists(batch)
    return {name: _cells(batch, lists, name) for name in bases}


def ga4_fields(fields: Sequence[str], columns: Sequence[str], path: str) -> list[str]:
    """The fields of a table to read for some columns.

    Records that repeat are read whole: their keys and values are all there is in them.

    Args:
        fields: those of the table as dotted paths, records among them.
        columns: see ``zap.events.ga4_columns``.
        path: of the table, for messages.

    Raises:
        MappingError: the table lacks one.
    """
    plain, lists = _wanted(fields, base_columns(columns), columns, path)
    for name, key in lists:
        if name == ITEMS and key != COUNT:
            check_columns([f"{ITEMS}.{key}"], fields, path)
    return list(dict.fromkeys([*plain, *(name for name, _ in lists)]))


def _choose(
    parquet: pq.ParquetFile, bases: Sequence[str], columns: Sequence[str], path: str
) -> tuple[list[str], list[str]]:
    """The columns and leaves to read, and the keys, which are read as codes."""
    paths = leaf_paths(parquet)
    existing = list(dict.fromkeys([*parquet.schema_arrow.names, *paths]))
    wanted, lists = _wanted(existing, bases, columns, path)
    keys: list[str] = []
    for name, key in lists:
        inside = [leaf for leaf in paths if leaf.startswith(f"{name}.")]
        if name == ITEMS:
            wanted += _item_leaves(inside, key, path)
            continue
        ends = ("key", *VALUES)
        wanted += [leaf for leaf in inside if leaf.rpartition(".")[2] in ends]
        keys += [leaf for leaf in inside if leaf.endswith(".key")]
    return list(dict.fromkeys(wanted)), list(dict.fromkeys(keys))


def _wanted(
    existing: Sequence[str], bases: Sequence[str], columns: Sequence[str], path: str
) -> tuple[list[str], list[Nested]]:
    """The columns that lie in no list, and what is wanted of lists.

    Raises:
        MappingError: an export lacks a column, or a list.
    """
    plain: list[str] = []
    lists: list[Nested] = []
    for name in bases:
        nested = nested_column(name)
        if nested is not None:
            check_columns([nested.column], existing, path)
            lists.append(nested)
        elif name in existing or name in columns or name not in _OPTIONAL:
            check_columns([name], existing, path)
            plain.append(name)
    return plain, lists


def _item_leaves(inside: list[str], key: str, path: str) -> list[str]:
    """The leaf of a field of items; to count them any leaf will do."""
    if key == COUNT:
        return inside[:1]
    fields = {_ITEM_LEAF.sub("", leaf): leaf for leaf in inside}
    check_columns([f"{ITEMS}.{key}"], [f"{ITEMS}.{field}" for field in fields], path)
    return [fields[key]]


class _Lists:
    """The lists of a batch taken apart, each once."""

    def __init__(self, batch: pa.RecordBatch):
        self._batch = batch
        self._pairs: dict[str, tuple[pa.Array, IntArray, pa.Array, IntArray]] = {}

    def values(self, column: str, key: str) -> pa.Array:
        """The values of a key as texts, one for each row."""
        pairs, parents, distinct, codes = self._taken_apart(column)
        code = pc.index(distinct, key).as_py()
        places = np.flatnonzero(codes == code) if code >= 0 else np.zeros(0, np.int64)
        texts = _texts(pc.struct_field(pairs, "value").take(pa.array(places)))
        return _spread(texts, parents[places], self._batch.num_rows)

    def _taken_apart(
        self, column: str
    ) -> tuple[pa.Array, IntArray, pa.Array, IntArray]:
        if column not in self._pairs:
            lists = self._batch.column(column)
            pairs = lists.flatten()
            parents = pc.list_parent_indices(lists).to_numpy()
            keys = pc.struct_field(pairs, "key")
            if not isinstance(keys, pa.DictionaryArray):
                keys = plain(keys).dictionary_encode()
            codes = np.asarray(codes_of(keys), np.int64)
            distinct = plain(keys.dictionary)
            self._pairs[column] = (pairs, parents, distinct, codes)
        return self._pairs[column]

    def first_item(self, field: str) -> pa.Array:
        """A field of each row's first item, of the file's own type."""
        lists = self._batch.column(ITEMS)
        first = pc.struct_field(lists.flatten(), field.split("."))
        parents = pc.list_parent_indices(lists).to_numpy()
        return _spread(first, parents, self._batch.num_rows)

    def item_counts(self) -> pa.Array:
        """The number of each row's items."""
        return pc.fill_null(pc.list_value_length(self._batch.column(ITEMS)), 0)


def _cells(batch: pa.RecordBatch, lists: _Lists, name: str) -> pa.Array:
    nested = nested_column(name)
    if nested is None:
        missing = name.split(".")[0] not in batch.schema.names
        return pa.nulls(batch.num_rows) if missing else column_of(batch, name)
    if nested.column != ITEMS:
        return lists.values(nested.column, nested.key)
    if nested.key == COUNT:
        return lists.item_counts()
    return lists.first_item(nested.key)


def _spread(values: pa.Array, parents: IntArray, rows: int) -> pa.Array:
    """One value for each row: the first that belongs to it, null where none does."""
    place = np.full(rows, len(values), np.int64)
    # Assigned from the last to the first, so that the first stays.
    place[parents[::-1]] = np.arange(len(values))[::-1]
    return values.take(pa.array(place, mask=place == len(values)))


def _texts(values: pa.Array) -> pa.Array:
    """Whichever value is set, as the text that JSON would give."""
    fields = [values.type.field(i).name for i in range(values.type.num_fields)]
    texts = [
        _text(pc.struct_field(values, kind), kind) for kind in VALUES if kind in fields
    ]
    return pc.coalesce(*texts) if texts else pa.nulls(len(values), pa.string())


def _text(cells: pa.Array, kind: str) -> pa.Array:
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), pa.string())
    if not pa.types.is_floating(cells.type):
        # An empty text is a value that is set; what becomes of it is told later.
        return pc.cast(plain(cells), pa.string())
    return _float_texts(without_nan(cells))


def _float_texts(cells: pa.Array) -> pa.Array:
    """Texts of floats as Python writes them, which Arrow does within these bounds."""
    texts = to_text(cells, "").values
    size = pc.abs(cells)
    odd = pc.or_(pc.less(size, 1e-3), pc.greater_equal(size, 1e9))
    whole = pc.and_(pc.equal(pc.floor(cells), cells), pc.less(size, 2.0**53))
    odd = pc.fill_null(pc.and_not(odd, whole), False)
    if not pc.any(odd).as_py():
        return texts
    written = [repr(value) for value in cells.filter(odd).to_pylist()]
    return pc.replace_with_mask(texts, odd, pa.array(written, pa.string()))

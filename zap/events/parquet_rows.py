"""Reads Parquet: only the mapped leaves, batch by batch, with numbered rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.errors import MappingError
from zap.events.files import open_bytes, reading
from zap.events.mapping import EventMapping
from zap.events.raw import RawRows, check_columns, check_once, clip, plain_value
from zap.events.sources import Source

MOST_BYTES_A_CODE = 8
PARQUET_FORMATS = ("parquet", "ga4.parquet", "snapshots", "archive")


def read_parquet(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the rows of a Parquet file, or of some of its row groups.

    Args:
        source: the file; its row groups if it is a part of one.
        mapping: not looked at: the file's own types say all.
        columns: the leaves to give, as columns or dotted paths into structs.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as the file types them.

    Raises:
        InputError: the file cannot be read.
        MappingError: it has no such column, or the column is no leaf.
    """

    def choose(parquet: pq.ParquetFile) -> tuple[Sequence[str], Sequence[str]]:
        top = parquet.schema_arrow.names
        leaves = leaf_paths(parquet)
        check_columns(columns, list(dict.fromkeys([*top, *leaves])), source.path)
        check_once(columns, [*top, *(set(leaves) - set(top))], source.path)
        return columns, repeating(parquet.metadata, columns)

    for batch, row in read_batches(source, choose, batch_rows):
        yield rows_of({name: column_of(batch, name) for name in columns}, row)


def leaf_paths(parquet: pq.ParquetFile) -> list[str]:
    """The leaves of a file as dotted paths."""
    names = parquet.schema.names
    return [parquet.schema.column(place).path for place in range(len(names))]


Choice: TypeAlias = Callable[[pq.ParquetFile], tuple[Sequence[str], Sequence[str]]]


def read_batches(
    source: Source, choose: Choice, batch_rows: int
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Read the batches of a Parquet file, or of some of its row groups.

    Args:
        source: the file; its row groups if it is a part of one.
        choose: told the file, gives the columns and leaves to read, and those of them
            to keep as codes.
        batch_rows: most rows in a batch.

    Yields:
        Each batch with the number of its first row in the file.

    Raises:
        InputError: the file cannot be read.
    """
    with open_bytes(source.path) as file, reading(source.path):
        parquet = pq.ParquetFile(file)
        columns, coded = choose(parquet)
        parquet = pq.ParquetFile(
            file, metadata=parquet.metadata, read_dictionary=list(coded)
        )
        sizes = [
            parquet.metadata.row_group(group).num_rows
            for group in range(parquet.num_row_groups)
        ]
        first_rows = np.concatenate(([0], np.cumsum(sizes))).astype(int)
        groups = source.row_groups
        for group in range(len(sizes)) if groups is None else groups:
            row = int(first_rows[group])
            for batch in parquet.iter_batches(
                batch_rows, row_groups=[group], columns=list(columns), use_threads=False
            ):
                yield batch, row
                row += batch.num_rows


def repeating(metadata: pq.FileMetaData, columns: Sequence[str]) -> list[str]:
    """The columns of texts that are stored as codes throughout; read so, they stay so.

    A writer that finds too many distinct values goes over to plain values; then the
    bytes a value tell of it.
    """
    bytes_of: Counter[str] = Counter()
    plain: set[str] = set()
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            name = chunk.path_in_schema
            bytes_of[name] += chunk.total_uncompressed_size
            if chunk.physical_type != "BYTE_ARRAY" or not chunk.has_dictionary_page:
                plain.add(name)
    most = MOST_BYTES_A_CODE * metadata.num_rows
    return [n for n in columns if n not in plain and 0 < bytes_of[n] <= most]


def split_source(source: Source, rows: int) -> list[Source]:
    """Parts of a Parquet file that can be read apart; rows keep their numbers.

    Args:
        source: the file; one of another format is given back whole.
        rows: row groups are put together up to about this many rows.

    Returns:
        The parts in the order of their rows.
    """
    if source.format not in PARQUET_FORMATS:
        return [source]
    parts: list[list[int]] = []
    held = 0
    for group, size in enumerate(_row_group_sizes(source.path)):
        if not parts or held + size > rows:
            parts.append([])
            held = 0
        parts[-1].append(group)
        held += size
    return [replace(source, row_groups=tuple(groups)) for groups in parts]


def _row_group_sizes(path: str) -> list[int]:
    """Rows of each row group of a file."""
    with open_bytes(path) as file, reading(path):
        metadata = pq.ParquetFile(file).metadata
        return [
            metadata.row_group(group).num_rows
            for group in range(metadata.num_row_groups)
        ]


def rows_of(cells: Mapping[str, pa.Array], first_row: int) -> RawRows:
    """Columns of a Parquet file as rows; at least one of them.

    Args:
        cells: the columns, of one length.
        first_row: the number of the first row in the file.
    """
    size = len(next(iter(cells.values())))
    numbers = np.arange(first_row, first_row + size, dtype=np.int64)

    def text(place: int) -> str:
        row = {name: plain_value(column[place]) for name, column in cells.items()}
        return clip(json.dumps(row, default=str, ensure_ascii=False))

    return RawRows(columns=cells, rows=numbers, lines=numbers + 1, text=text)


def column_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column, or a leaf of nested structs.

    Raises:
        MappingError: it is inside of a list or a map, of which a row has several.
    """
    if name in batch.schema.names:
        return batch.column(name)
    path = _path_to(name, batch.schema)
    if path is None:
        raise MappingError(
            "Expected a leaf of structs, which has one value a row. Received: "
            f"column={name!r}. Name a column, or a field of a struct with dots; what "
            "is inside of a list or a map becomes a column before Zap reads it."
        )
    first, *rest = path
    return pc.struct_field(batch.column(first), rest)


def _path_to(name: str, fields: Iterable[pa.Field]) -> list[str] | None:
    """The names along structs to a leaf, whose own names may hold dots."""
    for field in fields:
        if field.name == name:
            return [name]
        if name.startswith(f"{field.name}.") and pa.types.is_struct(field.type):
            rest = _path_to(name[len(field.name) + 1 :], field.type.fields)
            if rest is not None:
                return [field.name, *rest]
    return None

"""Reads the rows of a table's states, with the columns that are compared.

The states of one table may lie in files of different formats and ages, so all are read
with one schema: a column that a file does not have is absent in its rows. A file with a
row that cannot be read is refused and not read around: the row would look deleted, and
come back with the next state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.errors import InputError, MappingError
from zap.events.cells import plain, to_text
from zap.events.csv_rows import header_names, read_records
from zap.events.files import open_bytes, read_text_chunks, reading
from zap.events.json_rows import read_objects
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import read_parquet
from zap.events.raw import RawRows
from zap.events.records import Dialect, split_records
from zap.events.sources import Source
from zap.events.specs import CsvOptions

BATCH_ROWS = 65_536
ANY_FILE = EventMapping(fields={})
"""The mapping of files of which nothing is known but their names."""


def state_schema(
    sources: Sequence[Source], needed: Sequence[str], compared: Sequence[str]
) -> pa.Schema:
    """The columns to read, of types that all files' fit into.

    Args:
        sources: the files of all states.
        needed: the key, and the column that tells the time if there is one.
        compared: the columns to compare; empty: all that the files have.

    Raises:
        InputError: types do not go together, or the columns of a file are not known.
        MappingError: a column is missing or nested, or nothing is left to compare.
    """
    found = [_columns_of(source, [*needed, *compared]) for source in sources]
    try:
        schema = pa.unify_schemas(found, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(
            f"Expected columns of types that go together. Received: {error}. Write the "
            "files with the same types, or name the columns to compare with --columns."
        ) from error
    names = list(dict.fromkeys([*needed, *(compared or schema.names)]))
    for name in names:
        _check_column(name, schema)
    if not set(names) - set(needed):
        raise MappingError(
            "Expected a column beside the key, which can change. Received: "
            f"columns={names!r}. Name one with --columns."
        )
    return pa.schema([schema.field(name) for name in names])


def _check_column(name: str, schema: pa.Schema) -> None:
    if name not in schema.names:
        raise MappingError(
            "Expected a column of the files. Received: "
            f"column={name!r}. They have: {', '.join(schema.names[:20])}."
        )
    if pa.types.is_nested(schema.field(name).type):
        raise MappingError(
            "Expected columns of texts, numbers, times or truth values. Received: "
            f"{name}={schema.field(name).type}. Name the columns to compare with "
            "--columns."
        )


def _columns_of(source: Source, named: Sequence[str]) -> pa.Schema:
    """The columns of a file; all cells of a file of text are texts."""
    if source.format == "parquet":
        with open_bytes(source.path) as file, reading(source.path):
            fields = pq.read_schema(file)
        kinds = [(f.name, plain(pa.array([], f.type)).type) for f in fields]
        return pa.schema(kinds)
    if source.format == "csv":
        block = next(split_records(read_text_chunks(source.path), Dialect()), None)
        record = block.text(0) if block else b""
        names = header_names(record, CsvOptions(), source.path)
    elif source.format == "jsonl" and len(named) > 1:
        names = list(named)
    else:
        raise InputError(
            "Expected snapshots as Parquet or CSV, or as JSON Lines with the columns "
            f"named. Received: path={source.path!r}. Name the columns to compare with "
            "--columns, or convert the file."
        )
    return pa.schema([(name, pa.string()) for name in dict.fromkeys(names)])


def read_rows(sources: Sequence[Source], schema: pa.Schema) -> pa.Table:
    """The rows of files, with null in the columns that one does not have.

    Args:
        sources: the files of one state.
        schema: of ``state_schema``.

    Raises:
        InputError: a file, or one of its rows, cannot be read.
    """
    parts = []
    for source in sources:
        own = _columns_of(source, schema.names).names
        names = [name for name in schema.names if name in own]
        for rows in _raw_rows(source, names):
            for letter in rows.bad:
                where = f"{letter.source}:{letter.line}"
                raise unreadable(where, letter.reason, letter.detail)
            cells = {name: _typed(rows, schema.field(name)) for name in names}
            size = len(rows.rows)
            columns = [cells.get(f.name, pa.nulls(size, f.type)) for f in schema]
            parts.append(pa.Table.from_arrays(columns, schema=schema))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _raw_rows(source: Source, names: list[str]) -> Iterator[RawRows]:
    if source.format == "parquet":
        return read_parquet(source, ANY_FILE, names, BATCH_ROWS)
    if source.format == "csv":
        return read_records(source, CsvOptions(), names, BATCH_ROWS)
    return read_objects(source, names, names[:1], BATCH_ROWS)


def _typed(rows: RawRows, field: pa.Field) -> pa.Array:
    cells = rows.columns[field.name]
    if pa.types.is_string(field.type):
        converted = to_text(cells, field.name)
        for failure in converted.failures:
            raise unreadable(field.name, failure.reason, failure.expected)
        cells = converted.values
    return pc.cast(plain(cells), field.type)


def unreadable(where: str, reason: str, detail: str) -> InputError:
    """The error of a row that cannot be read."""
    return InputError(
        "Expected a snapshot whose rows can all be read, since one that cannot would "
        f"look deleted. Received: {reason} at {where} ({detail}). Mend the file."
    )

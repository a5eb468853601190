"""Reads the rows of BigQuery's tables: Arrow from the wire to the raw cells.

A source is a table, read over a session of its own, or one stream of a session that all
workers share. Rows have no number that would last, so those of a batch count from where
the stream began; what orders events is their content (``zap.events.content``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from zap.bigquery.reads import TableRead
from zap.bigquery.sessions import open_session, stream_count
from zap.bigquery.streams import gathered, read_stream
from zap.events.archive_rows import SCHEMA as ARCHIVE
from zap.events.archive_rows import DataReader, archived_rows, stored_columns
from zap.events.ga4_columns import base_columns, derive
from zap.events.ga4_parquet import BATCH_ROWS, ga4_cells, ga4_fields
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import column_of, rows_of
from zap.events.raw import RawRows, check_columns
from zap.events.sources import Source


def fields_of(source: Source, columns: Sequence[str]) -> list[str]:
    """The fields of a table that the columns of a mapping need.

    Raises:
        MappingError: the table lacks one.
    """
    read = read_of(source)
    if source.format == "ga4.bigquery":
        return ga4_fields(read.leaves, columns, source.path)
    wanted = columns if source.format == "bigquery" else stored_columns(columns)
    check_columns(wanted, read.leaves, source.path)
    return list(wanted)


def read_of(source: Source) -> TableRead:
    """What a source reads of its table."""
    assert source.table is not None, source
    return TableRead.of_text(source.table)


def split_table(source: Source) -> list[Source]:
    """The streams of a table, to be read apart; there is none where it has no rows.

    Raises:
        BigQueryError: the service refuses.
    """
    read = read_of(source)
    if read.stream:
        return [source]
    assert read.fields, "narrow a table to the columns of a job first"
    session = open_session(read, stream_count(source.size_bytes, read.most_streams))
    return [
        replace(source, table=read.of_stream(name).to_text())
        for name in session.streams
    ]


def read_table(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the rows of a table, or of one of its streams.

    Args:
        source: the table.
        mapping: not looked at: the table's own types say all.
        columns: the columns to give, as columns or dotted paths into records.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as the table types them.

    Raises:
        BigQueryError: the table cannot be read.
        MappingError: it has no such column.
    """
    for batch, row in _batches(source, columns, batch_rows):
        yield rows_of({name: column_of(batch, name) for name in columns}, row)


def read_ga4_table(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of a table of GA4's; as ``read_table``, see ``ga4_columns``."""
    bases = base_columns(columns)
    for batch, row in _batches(source, columns, min(batch_rows, BATCH_ROWS)):
        yield rows_of(derive(columns, ga4_cells(batch, bases)), row)


def read_archive_table(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of an archive's table; as ``read_archive``."""
    leaves = DataReader([name for name in columns if name not in ARCHIVE.names])
    for batch, row in _batches(source, columns, batch_rows):
        yield archived_rows(source.path, batch, row, leaves)


def _batches(
    source: Source, columns: Sequence[str], batch_rows: int
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Batches with the number of their first row in what is read."""
    read = read_of(source)
    streams: Sequence[str] = (read.stream,)
    if not read.stream:
        fields = tuple(fields_of(source, columns))
        streams = open_session(replace(read, fields=fields)).streams
    row = 0
    for name in streams:
        for batch in gathered(read_stream(name), batch_rows):
            yield batch, row
            row += batch.num_rows

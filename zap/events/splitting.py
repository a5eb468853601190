"""Cuts sources into parts that workers read apart, whatever the sources are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from zap.bigquery.reads import TableRead
from zap.bigquery.sessions import open_session
from zap.events.bigquery_rows import fields_of, split_table
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import split_source
from zap.events.projection import Projector
from zap.events.sources import Source, StoredFile, named

AnySource = TypeVar("AnySource", StoredFile, Source)


def parts_of(source: Source, rows: int) -> list[Source]:
    """Parts of a source that can be read apart.

    Args:
        source: a file, or a table that is narrowed to a job.
        rows: row groups of Parquet are put together up to about this many rows.

    Raises:
        BigQueryError: a table cannot be read.
        InputError: a file cannot be read.
    """
    return split_source(source, rows) if source.table is None else split_table(source)


def narrowed(
    files: Sequence[AnySource],
    mapping: EventMapping,
    properties: Collection[str] | None,
    unread: Collection[str] = (),
) -> list[AnySource]:
    """Sources, of whose tables a job reads only the columns that it needs.

    The sizes of tables become those of what is read of them.

    Args:
        files: files are given back as they are.
        mapping: what their rows mean.
        properties: the declared properties that the job reads; None for all.
        unread: fields that it does not look at, see ``Projector``.

    Raises:
        BigQueryError: a table cannot be read.
        MappingError: a table lacks a column.
    """
    tables = [file for file in files if file.table is not None]
    if not tables:
        return list(files)
    reads = {id(file): _narrowed(file, mapping, properties, unread) for file in tables}
    largest = max(tables, key=lambda file: file.size_bytes)
    read = open_session(reads[id(largest)]).bytes
    # One question for all: the tables of days are alike.
    share = min(read / largest.size_bytes, 1.0) if largest.size_bytes else 1.0
    sizes = {id(file): int(file.size_bytes * share) for file in tables}
    sizes[id(largest)] = read
    return [
        file
        if file.table is None
        else replace(
            file, table=reads[id(file)].to_text(), size_bytes=max(sizes[id(file)], 1)
        )
        for file in files
    ]


def _narrowed(
    file: StoredFile | Source,
    mapping: EventMapping,
    properties: Collection[str] | None,
    unread: Collection[str],
) -> TableRead:
    source = named(file) if isinstance(file, StoredFile) else file
    assert source.table is not None
    columns = Projector(source, mapping, properties, None, unread).columns()
    fields = tuple(fields_of(source, columns))
    return replace(TableRead.of_text(source.table), fields=fields)

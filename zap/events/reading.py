"""Reads a source of raw rows as batches of canonical events.

A format is one row of ``READERS``: a function that yields raw cells with their rows'
numbers, lines and texts. Whatever it reads, the mapping's projection, the reasons and
the counts are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeAlias

from zap.events.archive_rows import read_archive
from zap.events.bigquery_rows import (
    read_archive_table,
    read_ga4_table,
    read_table,
)
from zap.events.combined_rows import read_combined
from zap.events.csv_rows import read_csv
from zap.events.ga4_json import read_ga4_json
from zap.events.ga4_parquet import read_ga4_parquet
from zap.events.json_rows import read_jsonl
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import read_parquet
from zap.events.projection import Projector, ReadBatch
from zap.events.raw import DeadLetter, RawRows
from zap.events.segment_rows import read_segment
from zap.events.snowplow_rows import read_snowplow
from zap.events.sources import Source

__all__ = ["READERS", "DeadLetter", "ReadBatch", "read_source"]

Reader: TypeAlias = Callable[
    [Source, EventMapping, Sequence[str], int], Iterator[RawRows]
]

READERS: dict[str, Reader] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "combined": read_combined,
    "segment": read_segment,
    "snowplow": read_snowplow,
    "ga4.jsonl": read_ga4_json,
    "ga4.parquet": read_ga4_parquet,
    "snapshots": read_parquet,
    "archive": read_archive,
    "bigquery": read_table,
    "ga4.bigquery": read_ga4_table,
    "archive.bigquery": read_archive_table,
}


def read_source(
    source: Source,
    mapping: EventMapping,
    properties: Collection[str] | None = None,
    batch_rows: int = 65_536,
    plain: Collection[str] | None = None,
    unread: Collection[str] = (),
) -> Iterator[ReadBatch]:
    """Read a source.

    Args:
        source: the file, or a part of one.
        mapping: what its rows mean.
        properties: the declared properties to give; None for all.
        batch_rows: most rows in a batch.
        plain: the fields of text to give as texts and not as codes; None for all.
        unread: fields that nobody looks at, see ``Projector``.

    Yields:
        Batches in the order of the rows. In each, and so in all, the rows read are the
        events, the skipped rows and the bad rows together.

    Raises:
        InputError: the file cannot be read to its end.
        MappingError: the mapping does not fit the file.
    """
    projector = Projector(source, mapping, properties, plain, unread)
    reader = READERS[source.format]
    for raw in reader(source, projector.mapping, projector.columns(), batch_rows):
        yield projector.project(raw)

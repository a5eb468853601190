"""What a job would read, told before anything is read or run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from zap.bigquery.names import is_bigquery
from zap.bigquery.queries import estimate_query
from zap.bigquery.reads import TableRead
from zap.events.bigquery_sources import is_table, read_query
from zap.events.dimensions import resolved
from zap.events.likely import likely_rows
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.sources import StoredFile, compressed_bytes, list_files, place
from zap.events.splitting import narrowed

TIB = 2**40


@dataclass(frozen=True)
class PlannedInput:
    """What one input of a job is.

    Attributes:
        input: as it was given.
        kind: "files", "tables" or "query".
        number: of files, or of tables. A file that several inputs name, or a
            dimension, counts once: it is read once.
        stored_bytes: their size: of files as stored, of tables without compression.
        read_bytes: what is read of them; of a query what it reads, as the service
            says.
        compressed_bytes: what the events would take as compressed columns.
        events: about how many there are, where that can be told; of a table all of
            them, whatever days are asked for.
        columns: of tables, the fields that are read.
        first: the first table of several, or the only one.
        last: the last table of several.
    """

    input: str
    kind: str
    number: int
    stored_bytes: int
    read_bytes: int
    compressed_bytes: int
    events: int
    columns: tuple[str, ...] = field(default=())
    first: str = ""
    last: str = ""

    def dollars(self, read_price: float, query_price: float) -> float:
        """What the service takes for it.

        Args:
            read_price: dollars for a TiB that is read of tables.
            query_price: dollars for a TiB that queries read.
        """
        if self.kind == "files":
            return 0.0
        price = query_price if self.kind == "query" else read_price
        return self.read_bytes / TIB * price


def plan_inputs(
    patterns: Sequence[str],
    mapping: EventMapping,
    properties: Collection[str] | None,
    unread: Collection[str] = (),
) -> list[PlannedInput]:
    """What some inputs, and the mapping's dimensions, would have a job read.

    No file and no table is read, and no query is run.

    Args:
        patterns: as for ``list_files``.
        mapping: what their rows mean.
        properties: the declared properties that the job reads; None for all.
        unread: fields that it does not look at, see ``Projector``.

    Raises:
        ZapError: an input is not there, or does not fit the mapping.
    """
    told: list[PlannedInput] = []
    counted: set[str] = set()
    for dimension in mapping.dimensions:
        own = mapping.of(dimension.name)
        paths = [resolved(pattern, mapping.folder) for pattern in dimension.inputs]
        read: set[str] = set()  # a file of two dimensions is read for each
        told += [_planned(path, own, None, unread, read) for path in paths]
        counted |= read
    bare = replace(mapping, dimensions=())
    found = [
        _planned(str(each), bare, properties, unread, counted) for each in patterns
    ]
    return [*found, *told]


def _planned(
    pattern: str,
    mapping: EventMapping,
    properties: Collection[str] | None,
    unread: Collection[str],
    counted: set[str],
) -> PlannedInput:
    """What one input is, without the files that others name; they become more."""
    if is_table(pattern) and not is_bigquery(pattern):
        return _query(pattern, mapping)
    files = list_files([pattern], mapping)
    if not is_table(pattern):
        files = [file for file in files if place(file.path) not in counted]
        counted.update(place(file.path) for file in files)
        stored = sum(file.size_bytes for file in files)
        likely = likely_rows(files)
        return PlannedInput(
            pattern, "files", len(files), stored, stored, stored, likely
        )
    return _tables(pattern, files, narrowed(files, mapping, properties, unread))


def _query(path: str, mapping: EventMapping) -> PlannedInput:
    estimate = estimate_query(read_query(path), observed_range(mapping, ()))
    size = estimate.bytes
    return PlannedInput(path, "query", 1, size, size, 0, 0, estimate.columns)


def _tables(
    pattern: str, files: Sequence[StoredFile], narrow: Sequence[StoredFile]
) -> PlannedInput:
    reads = [TableRead.of_text(file.table) for file in narrow if file.table]
    return PlannedInput(
        input=pattern,
        kind="tables",
        number=len(files),
        stored_bytes=sum(file.size_bytes for file in files),
        read_bytes=sum(file.size_bytes for file in narrow),
        compressed_bytes=sum(compressed_bytes(file) for file in narrow),
        events=sum(read.rows for read in reads),
        columns=reads[0].fields,
        first=files[0].path,
        last=files[-1].path,
    )

"""Reads the collector's archive: columns of every event, and JSON of all the rest.

What every event has are columns of Parquet, so a mapping of these alone never reads
``data``, the text that holds whatever else a client has sent. A leaf of it is found as
in a line of JSON, with the same texts, so an archive and a file of the same events give
the same cells. Rows in memory, on their way to a store, go the same way as a file's.

A change of the schema changes what archives on disk mean; add columns, and leave these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.encoding.columns import BoolArray
from zap.errors import MissingExtraError
from zap.events.archive_leaves import archived_leaf
from zap.events.coded import decoded
from zap.events.json_rows import text_of
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import read_batches, repeating, rows_of
from zap.events.projection import Projector, ReadBatch
from zap.events.raw import DeadLetter, RawRows, check_columns, clip, refuse_rows
from zap.events.schema import CANONICAL
from zap.events.sources import Source

DATA = "data"
SCHEMA = pa.schema(
    [
        *(
            field.with_nullable(True)
            for field in CANONICAL
            if field.name not in ("group", "source", "row")
        ),
        pa.field("source", pa.string()),
        pa.field(DATA, pa.string()),
    ]
)
"""Of the archive's files. ``source`` is the name that the collector knows a sender by,
``sequence`` the event's number in the spool; ``data`` an object of JSON, or null."""

BATCH_ROWS = 65_536
IN_MEMORY = "archive"
Cells = Mapping[str, pa.Array]
Problems = dict[int, tuple[str, str]]


def read_archive(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the events of a file of the archive, or of some of its row groups.

    Args:
        source: the file.
        mapping: not looked at: the archive's own types say all.
        columns: columns of ``SCHEMA`` as they are; any other is a key or a dotted path
            in ``data``, or a leaf of a context (see ``archived_leaf``).
        batch_rows: most rows in a batch; at most 65,536 are given.

    Yields:
        Rows with cells of the archive's types, and leaves of ``data`` as texts; null
        where an event has none.

    Raises:
        InputError: the file cannot be read.
        MappingError: it is no file of an archive.
        MissingExtraError: orjson is not installed.
    """
    wanted = stored_columns(columns)

    def choose(parquet: pq.ParquetFile) -> tuple[Sequence[str], Sequence[str]]:
        check_columns(wanted, parquet.schema_arrow.names, source.path)
        codes = repeating(parquet.metadata, wanted)
        return wanted, [name for name in codes if name != DATA]

    leaves = DataReader([name for name in columns if name not in SCHEMA.names])
    for batch, row in read_batches(source, choose, min(batch_rows, BATCH_ROWS)):
        yield archived_rows(source.path, batch, row, leaves)


def read_archived(
    batch: pa.RecordBatch,
    mapping: EventMapping,
    properties: Collection[str] | None = None,
    plain: Collection[str] | None = None,
) -> ReadBatch:
    """Read rows in memory as ``read_source`` reads those of a file.

    Args:
        batch: some rows in ``SCHEMA``.
        mapping: what they mean; its format is ``archive``.
        properties: the declared properties to give; None for all.
        plain: the fields of text to give as texts and not as codes; None for all.

    Returns:
        The events, with ``source`` "archive" and ``row`` the place in the batch; bad
        rows and counts.

    Raises:
        MissingExtraError: orjson is not installed.
    """
    source = Source(IN_MEMORY, IN_MEMORY, 0, "archive")
    projector = Projector(source, mapping, properties, plain)
    columns = projector.columns()
    leaves = DataReader([name for name in columns if name not in SCHEMA.names])
    wanted = batch.select(stored_columns(columns))
    return projector.project(archived_rows(source.path, wanted, 0, leaves))


def stored_columns(columns: Sequence[str]) -> list[str]:
    """The columns of the archive to read for those of a mapping."""
    found = [name for name in columns if name in SCHEMA.names]
    needs_data = len(found) < len(columns)
    return [*found, DATA] if needs_data and DATA not in found else found


def archived_rows(
    path: str, batch: pa.RecordBatch, first_row: int, leaves: DataReader
) -> RawRows:
    """Rows of a batch, with the leaves of its data."""
    cells = dict(zip(batch.schema.names, batch.columns, strict=True))
    rows = rows_of(cells, first_row)
    if not leaves.columns:
        return rows
    found, problems = leaves.read(cells[DATA])
    rows = replace(rows, columns=cells | found)
    mask = np.zeros(len(rows.rows), bool)
    mask[[*problems]] = True
    letters = [
        DeadLetter(path, int(rows.lines[at]), reason, detail, clip(rows.text(at)))
        for at, (reason, detail) in sorted(problems.items())
    ]
    return refuse_rows(rows, mask, letters)


class DataReader:
    """Finds leaves in the JSON of events.

    Only events whose text holds the last key of a leaf are parsed; most properties
    belong to few types of events.

    Args:
        columns: keys or dotted paths.

    Raises:
        MissingExtraError: orjson is not installed.
    """

    def __init__(self, columns: Sequence[str]):
        try:
            import orjson
        except ImportError as error:
            raise MissingExtraError("orjson", "beam") from error
        self.columns = tuple(columns)
        self._loads: Callable[[Any], Any] = orjson.loads
        self._leaves = [archived_leaf(name) for name in columns]
        # As the archive writes keys; a key that holds the whole path ends alike.
        self._ends = {orjson.dumps(n.rpartition(".")[2])[1:] for n in columns}

    def read(self, data: pa.Array) -> tuple[dict[str, pa.Array], Problems]:
        """The leaves of a batch.

        Args:
            data: texts, null where an event has no more than its columns.

        Returns:
            The leaves as texts by column, and for each place whose JSON cannot be used
            the reason and what was expected and received.
        """
        data = decoded(data).cast(pa.binary())
        places = np.flatnonzero(self._may_hold(data))
        found: list[list[str | None]] = [[None] * len(data) for _ in self.columns]
        problems: Problems = {}
        contents = data.take(pa.array(places)) if len(places) < len(data) else data
        for place, content in zip(places.tolist(), contents.to_pylist(), strict=True):
            try:
                event = self._loads(content)
                for texts, leaf in zip(found, self._leaves, strict=True):
                    value = leaf(event)
                    if value is not None:
                        is_text = value.__class__ is str
                        texts[place] = value if is_text else text_of(value)
            except TypeError as error:
                words = "a text, a number or a truth value at each mapped key"
                problems[place] = _problem("not_scalar", words, str(error))
            except (ValueError, AttributeError) as error:
                problems[place] = _problem("invalid", "an object of JSON", str(error))
        texts_of = zip(self.columns, found, strict=True)
        return {
            name: pa.array(texts, pa.string()) for name, texts in texts_of
        }, problems

    def _may_hold(self, data: pa.Array) -> BoolArray:
        """Which events may have one of the leaves."""
        mask = np.zeros(len(data), bool)
        for end in sorted(self._ends):
            hit = pc.fill_null(pc.match_substring(data, end), False)
            mask |= hit.to_numpy(zero_copy_only=False)
        return mask


def _problem(reason: str, expected: str, received: str) -> tuple[str, str]:
    return f"json.{reason}", f"Expected {expected} in data. Received: {received}."

"""The events of a time window, copied once into files of Zap's own columns.

What a retraining looks at must not change while it runs, or between a stop and its
resumption, though new files arrive meanwhile. So the window is read once, and all that
follows reads the copy. Its mapping names each column by the field that it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.events.bigquery_sources import is_table
from zap.events.content import CONTENT
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import Source
from zap.events.specs import CsvOptions, FieldSpec, Observed
from zap.times import iso

BATCH_ROWS = 262_144
GROUP = "group"


@dataclass(frozen=True)
class Window:
    """A copied window.

    Attributes:
        counts: rows read, skipped and bad, by reason, and ``events.outside``.
        files: paths of the files that hold its events.
    """

    counts: Counter[str]
    files: tuple[str, ...]


def window_mapping(
    mapping: EventMapping, from_us: int, until_us: int, inputs: Sequence[str] = ()
) -> EventMapping:
    """The mapping of a copied window.

    Args:
        mapping: of the raw events.
        from_us: the first instant, microseconds since 1970, UTC.
        until_us: the end, exclusive.
        inputs: what the window is copied from. The rows of tables come in any order,
            which the copy's must not be taken for.
    """
    by_content = any(is_table(each) for each in inputs)
    fields = {
        name: FieldSpec(column=name) for name in (*mapping.fields, "timestamp", "type")
    }
    properties = {
        name: replace(spec, column=column_of(place), product=(), unit=None, format=None)
        for place, (name, spec) in enumerate(mapping.properties.items())
    }
    return replace(
        mapping,
        fields=fields,
        properties=properties,
        format="parquet",
        timezone="UTC",
        row_group_key=GROUP if mapping.row_group_key else None,
        csv=CsvOptions(),
        observed=Observed(iso(from_us), iso(until_us)),
        skip=(),
        ties=CONTENT if by_content else mapping.ties,
    )


def column_of(place: int) -> str:
    """The column of a property: its name may hold dots, which a column's may not."""
    return f"property_{place}"


def copy_window(
    sources: Sequence[Source],
    mapping: EventMapping,
    from_us: int,
    until_us: int,
    folder: Path,
    watch: Callable[[pa.RecordBatch], Any] = lambda events: None,
) -> Window:
    """Copy the events of a window, one file a source.

    Args:
        sources: the files of raw events; dimensions are passed over.
        mapping: what their rows mean.
        from_us: the first instant, microseconds since 1970, UTC.
        until_us: the end, exclusive.
        folder: an empty folder.
        watch: gets each batch of the window's events.

    Raises:
        InputError: a file cannot be read.
        MappingError: the mapping does not fit a file.
    """
    counts: Counter[str] = Counter()
    files: list[str] = []
    events = [source for source in sources if source.dimension is None]
    bounds = [pa.scalar(us, pa.timestamp("us", "UTC")) for us in (from_us, until_us)]
    for number, source in enumerate(events):
        path = folder / f"events-{number:05d}.parquet"
        writer = None
        try:
            for read in read_source(source, mapping, batch_rows=BATCH_ROWS):
                counts.update(read.counts)
                inside = _inside(read.events, *bounds)
                counts["events.outside"] += read.events.num_rows - inside.num_rows
                if not inside.num_rows:
                    continue
                watch(inside)
                stored = _renamed(inside, mapping)
                writer = writer or pq.ParquetWriter(path, stored.schema)
                writer.write_batch(stored)
        finally:
            if writer is not None:
                writer.close()
                files.append(str(path))
    return Window(counts, tuple(files))


def _inside(
    events: pa.RecordBatch, from_: pa.Scalar, until: pa.Scalar
) -> pa.RecordBatch:
    times = events.column("timestamp")
    return events.filter(pc.and_(pc.greater_equal(times, from_), pc.less(times, until)))


def _renamed(events: pa.RecordBatch, mapping: EventMapping) -> pa.RecordBatch:
    """The columns that the window's mapping names, under these names."""
    names = {name: name for name in (*mapping.fields, "timestamp", "type")}
    if mapping.row_group_key:
        names[GROUP] = GROUP
    names |= {name: column_of(i) for i, name in enumerate(mapping.properties)}
    columns = [events.column(name) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=[*names.values()])

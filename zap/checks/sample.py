"""A sample of raw events that fits into memory.

For a check, whole subjects: those with the lowest hashes, as many as fit. The threshold
is lowered as more rows come, and what it is in the end depends on the rows alone, not
on the order of files. For the short proof before a job, the first rows as they lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import IntArray
from zap.errors import InputError
from zap.events.bad_rows import MOST_BAD, refuse_bad_rows, told
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.reading import read_source
from zap.events.schema import canonical_schema
from zap.events.sources import Source, StoredFile, named_by_path
from zap.examples.observed import ObservedRange, estimate
from zap.histories.subjects import subject_hashes
from zap.times import DAY_US

BATCH_ROWS = 65_536
_NAMES = ("anonymous_id", "user_id")


@dataclass(frozen=True)
class Sample:
    """Canonical events of some subjects.

    Attributes:
        table: the events.
        observed: the observed range of the data.
        counts: rows read, skipped and bad, by reason.
    """

    table: pa.Table
    observed: ObservedRange
    counts: Counter[str]


def whole_subjects(
    sources: Sequence[Source],
    mapping: EventMapping,
    subject: str,
    most: int,
    watch: Callable[[str], Any] = lambda text: None,
    max_bad_share: float = MOST_BAD,
) -> Sample:
    """All events of the subjects with the lowest hashes.

    Args:
        sources: the files.
        mapping: what their rows mean.
        subject: the column of the subject. Rows without go by their anonymous_id, else
            by their user_id, so that what belongs together stays together.
        most: most events to hold.
        watch: told of each file.
        max_bad_share: share of bad rows that is put up with.

    Raises:
        InputError: not even one subject fits, there are no events, or too many of the
            rows are bad.
    """
    held = Lowest(mapping, subject, most)
    counts: Counter[str] = Counter()
    days: Counter[int] = Counter()
    first = ""
    for source in sources:
        watch(f"reading {source.path}")
        for read in read_source(source, mapping, batch_rows=BATCH_ROWS):
            counts.update(read.counts)
            first = first or "".join(map(told, read.dead[:1]))
            if source.dimension is None:
                days.update(events_by_day(read.events))
            held.add(read.events)
    refuse_bad_rows(counts, max_bad_share, lambda: first)
    table = held.table()
    if not table.num_rows:
        fix = f"raise it above {most:,}" if held.seen else "check input and mapping"
        raise InputError(
            f"Expected events of at least one whole subject. Received: {held.seen:,} "
            f"events, of which none fit into events={most:,}. To mend it, {fix}."
        )
    return Sample(table, observed_of(mapping, sources, days), counts)


def first_rows(
    sources: Sequence[Source | StoredFile],
    mapping: EventMapping,
    most: int,
    properties: Collection[str] | None = None,
) -> Sample | None:
    """The first events in the order of the sources; None if there are none.

    Subjects may be cut off: what is proven of a cutoff holds of any events. Beside the
    events come as many rows of dimensions. Of files that nobody has named yet no more
    is read than these rows.

    Args:
        sources: the files.
        mapping: what their rows mean.
        most: how many events.
        properties: the declared properties to read; None for all.
    """
    counts: Counter[str] = Counter()
    events = [source for source in sources if source.dimension is None]
    first = _first_of(events, mapping, most, properties, counts)
    if first is None:
        return None
    days = Counter(events_by_day(first))
    tables = [source for source in sources if source.dimension is not None]
    rest = _first_of(tables, mapping, most, properties, counts)
    table = first if rest is None else pa.concat_tables([first, rest])
    observed = observed_of(mapping, sources, days)
    return Sample(table.combine_chunks(), observed, counts)


def _first_of(
    sources: Sequence[Source | StoredFile],
    mapping: EventMapping,
    most: int,
    properties: Collection[str] | None,
    counts: Counter[str],
) -> pa.Table | None:
    found: list[pa.RecordBatch] = []
    rows = 0
    for each in sources:
        source = each if isinstance(each, Source) else named_by_path(each)
        for read in read_source(source, mapping, properties, min(most, BATCH_ROWS)):
            counts.update(read.counts)
            found.append(read.events)
            rows += read.events.num_rows
            if rows >= most:
                return pa.Table.from_batches(found).slice(0, most)
    return pa.Table.from_batches(found) if rows else None


def observed_of(
    mapping: EventMapping,
    sources: Sequence[Source | StoredFile],
    days: Counter[int],
) -> ObservedRange:
    """The observed range: declared, or as the events by day suggest."""
    events = [source.path for source in sources if source.dimension is None]
    declared = observed_range(mapping, events)
    return ObservedRange(*declared) if declared else estimate(days)


class Lowest:
    """The rows of the subjects with the lowest hashes, at most so many."""

    def __init__(self, mapping: EventMapping, subject: str, most: int):
        self._schema = canonical_schema(mapping.property_types())
        self._subject = subject
        self._most = most
        self._limit: int | None = None
        self._batches: list[pa.RecordBatch] = []
        self._hashes: list[IntArray] = []
        self._rows = 0
        self.seen = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take what of a batch is below the threshold, and lower that if needed."""
        self.seen += batch.num_rows
        hashes, present = self._hashed(batch)
        keep = present if self._limit is None else present & (hashes <= self._limit)
        self._batches.append(batch.filter(pa.array(keep)))
        self._hashes.append(hashes[keep])
        self._rows += int(keep.sum())
        if self._rows > self._most:
            self._lower()

    def table(self) -> pa.Table:
        """The rows held."""
        return pa.Table.from_batches(self._batches, self._schema).combine_chunks()

    def _lower(self) -> None:
        hashes = np.concatenate(self._hashes)
        found, sizes = np.unique(hashes, return_counts=True)
        fits = int(np.searchsorted(np.cumsum(sizes), self._most, "right"))
        low = int(np.iinfo(np.int64).min)
        self._limit = int(found[fits - 1]) if fits else low
        keep = hashes <= self._limit if fits else np.zeros(len(hashes), bool)
        table = pa.Table.from_batches(self._batches, self._schema)
        table = table.filter(pa.array(keep)).combine_chunks()
        self._batches, self._hashes = table.to_batches(), [hashes[keep]]
        self._rows = table.num_rows

    def _hashed(self, batch: pa.RecordBatch) -> tuple[IntArray, Any]:
        names = [self._subject, *_NAMES]
        columns = [batch.column(n) for n in names if n in batch.schema.names]
        column = pc.coalesce(*columns)
        codes = pc.dictionary_encode(column)
        hashed = np.append(subject_hashes(codes.dictionary), 0)
        places = pc.fill_null(codes.indices, len(hashed) - 1).to_numpy()
        return hashed[places], pc.is_valid(column).to_numpy(zero_copy_only=False)


def events_by_day(events: pa.RecordBatch | pa.Table) -> dict[int, int]:
    """Number of events for each day since 1970, UTC."""
    micros = pc.cast(events.column("timestamp"), pa.int64()).to_numpy()
    found, sizes = np.unique(micros // DAY_US, return_counts=True)
    return dict(zip(found.tolist(), sizes.tolist(), strict=True))

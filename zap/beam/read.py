"""Raw files to clean record batches, in Beam."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO, Any, Self

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from zap.beam.outputs import CLOCK, DAYS, count, error
from zap.datasets.writing import whole, writing
from zap.errors import ZapError
from zap.events.mapping import EventMapping
from zap.events.projection import name_of
from zap.events.reading import read_source
from zap.events.sources import Source
from zap.histories.clock import clock_counts, tally
from zap.histories.identity import PERSON, without_subject
from zap.histories.known import known_by
from zap.histories.links import PAIR
from zap.histories.named import Named
from zap.histories.needed import columns_to_read, properties_to_read, unread_fields
from zap.histories.selection import select_events, unflagged
from zap.times import DAY_US

BATCH_ROWS = 262_144


class ReadEvents(beam.DoFn):
    """Reads one source into batches of the columns that the generator needs.

    Args:
        mapping: how rows become events.
        generator: whose exclusions and fields are used.
        dead_letters: folder for the rows that could not be read.
        known_by_us: only what was known at that instant is passed on; None for all.
        rows: most rows of a batch; None for ``BATCH_ROWS``.
        named: what is counted besides; None for nothing.
    """

    def __init__(
        self,
        mapping: EventMapping,
        generator: Any,
        dead_letters: str,
        known_by_us: int | None = None,
        rows: int | None = None,
        named: Named | None = None,
    ):
        self._known_by_us = known_by_us
        self._mapping = mapping
        self._generator = generator
        self._dead_letters = dead_letters
        self._rows = rows or BATCH_ROWS
        self._named = named or Named()

    def process(self, source: Source) -> Iterator[Any]:
        """Batches; beside them counts by reason, events by day, clocks, errors."""
        counts: Counter[str] = Counter()
        days: Counter[int] = Counter()
        clock: Counter[str] = Counter()
        try:
            yield from self._read(source, counts, days, clock)
        except ZapError as problem:
            yield error(problem)
        yield from count(counts)
        yield beam.pvalue.TaggedOutput(DAYS, dict(days))
        yield beam.pvalue.TaggedOutput(
            CLOCK, (name_of(source, self._mapping), dict(clock))
        )

    def _read(
        self,
        source: Source,
        counts: Counter[str],
        days: Counter[int],
        clock: Counter[str],
    ) -> Iterator[pa.RecordBatch]:
        with _DeadLetterFile(self._dead_letters, source) as dead:
            yield from self._batches(source, dead, counts, days, clock)

    def _batches(
        self,
        source: Source,
        dead: _DeadLetterFile,
        counts: Counter[str],
        days: Counter[int],
        clock: Counter[str],
    ) -> Iterator[pa.RecordBatch]:
        generator = self._generator
        wanted = columns_to_read(generator)
        properties = properties_to_read(generator)
        plain = ("event_id", *(PAIR if generator.subject == PERSON else ()))
        unread = unread_fields(generator)
        for read in read_source(
            source, self._mapping, properties, self._rows, plain, unread
        ):
            counts.update(read.counts)
            dead.write(read.dead)
            counts.update(self._named.count(read.events))
            batch, dropped = select_events(
                self._known(read.events, counts),
                generator.exclude,
                generator.bot_rules(),
            )
            counts.update(dropped)
            missing = without_subject(batch, generator.subject)
            counts["events.dropped.no_subject"] += missing
            if source.dimension is None:
                days.update(events_by_day(batch))
            if generator.settings().bots is not None:
                clock.update(clock_counts(batch))
            yield (
                batch
                if wanted is None
                else batch.select(
                    [name for name in batch.schema.names if name in wanted]
                )
            )

    def _known(self, batch: pa.RecordBatch, counts: Counter[str]) -> pa.RecordBatch:
        """The events that count, where an instant says which.

        Rows that fold make an event that is known with the last of them, so which
        ones count is told once they are folded.
        """
        if self._known_by_us is None or self._mapping.row_group_key is not None:
            return batch
        known = known_by(batch, self._known_by_us)
        counts["events.not_yet_known"] += batch.num_rows - known.num_rows
        return known


def events_by_day(batch: pa.RecordBatch) -> dict[int, int]:
    """Number of events of people for each day since 1970, UTC."""
    micros = pc.cast(batch.column("timestamp"), pa.int64()).to_numpy()
    return tally(micros[unflagged(batch)] // DAY_US)


class _DeadLetterFile:
    """The dead letters of one source; made when the first one comes."""

    def __init__(self, folder: str, source: Source):
        # Copies of one file have one digest, and parts of one file one path.
        which = f"{source.path} {source.row_groups}"
        if source.table is not None:
            which += f" {source.table}"
        name = hashlib.blake2b(which.encode(), digest_size=8).hexdigest()
        self._path = f"{folder}/{source.digest[:16]}-{name}.jsonl"
        self._files = ExitStack()
        self._file: IO[bytes] | None = None

    def write(self, letters: Iterable[Any]) -> None:
        for letter in letters:
            line = json.dumps(asdict(letter), ensure_ascii=True)
            if self._file is None:
                self._file = self._files.enter_context(whole(self._path))
            with writing(self._path):
                self._file.write(f"{line}\n".encode())

    def __enter__(self) -> Self:
        self._files.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._files.__exit__(*raised)

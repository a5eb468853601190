"""The rows of a shard, put together as far as they fit into memory.

How many shards a job has is chosen before anybody has read its files, and there is a
number above which more of them cost more than they save: a batch would be cut into
pieces of a few rows. So a shard may turn out larger than a worker's memory. It is then
cut again, on the worker's own disk and by another hash of the subject, until each part
fits. Subjects stay whole, and examples do not depend on how shards were cut.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa

from zap.beam.shuffle import (
    Piece,
    Place,
    batches_of,
    joined,
    key_by_shard,
    one_batch,
    spilled,
)
from zap.datasets.writing import writing
from zap.histories.build import HistorySettings
from zap.histories.heavy import HeavySubjects

MOST_ROWS = 500_000
"""Rows of a shard that are worked on at once: about 700 MB with a dozen columns."""

CUTS = 8
DEEPEST = 6
"""How often a shard is cut: what is too large then is a subject, which stays whole."""

SMALL_ROWS = 4_096
TOGETHER = 65_536
"""Rows to which small pieces are put together. In a piece of a hundred rows no subject
looks frequent, not even one that has sent millions of events (see `HeavySubjects`)."""


def tables_of(
    name: str,
    pieces: Iterable[Piece],
    settings: HistorySettings,
    counts: Counter[str],
    folder: str | None = None,
) -> Iterator[tuple[str, pa.Table]]:
    """A shard as one table, or as several that fit into memory, one after the other.

    Args:
        name: of the shard.
        pieces: its rows.
        settings: the subject, and how many events it may have.
        counts: gets the rows that were withheld, by reason.
        folder: where parts lie meanwhile; None for the worker's temporary folder.

    Yields:
        A name, and the rows of whole subjects.

    Raises:
        DatasetError: the disk is full, or fails.
    """
    rows = without_heavy(_together(batches_of(pieces)), settings, counts)
    yield from _sized(name, rows, settings.subject, folder, 1)


def without_heavy(
    batches: Iterable[pa.RecordBatch], settings: HistorySettings, counts: Counter[str]
) -> Iterator[pa.RecordBatch]:
    """The rows, less what readers could not know to be too much together."""
    heavy = HeavySubjects(settings.subject, settings.max_subject_events)
    for batch in batches:
        rows, withheld = heavy.pass_on(batch)
        counts.update(withheld)
        yield rows


def _together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, small ones joined."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows >= SMALL_ROWS:
            yield batch
            continue
        held.append(batch)
        rows += batch.num_rows
        if rows >= TOGETHER:
            yield one_batch(pa.Table.from_batches(held))
            held, rows = [], 0
    if held:
        yield one_batch(pa.Table.from_batches(held))


def _sized(
    name: str,
    batches: Iterator[pa.RecordBatch],
    subject: str,
    folder: str | None,
    again: int,
) -> Iterator[tuple[str, pa.Table]]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows > MOST_ROWS and again <= DEEPEST:
            yield from _cut(name, _drained(held, batches), subject, folder, again)
            return
    table = joined(held)
    held.clear()
    yield name, table


def _drained(
    held: list[pa.RecordBatch], rest: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """What is held, let go of as it is given, and the rest."""
    while held:
        yield held.pop()
    yield from rest


def _cut(
    name: str,
    batches: Iterable[pa.RecordBatch],
    subject: str,
    folder: str | None,
    again: int,
) -> Iterator[tuple[str, pa.Table]]:
    """The tables of a shard that does not fit."""
    with writing(folder or tempfile.gettempdir()):
        own = tempfile.TemporaryDirectory(dir=folder, prefix="shard-")
    with own:
        places: dict[int, list[Place]] = {}
        for batch in batches:
            pieces = key_by_shard(batch, subject, CUTS, again)
            for part, place in spilled(pieces, own.name):
                places.setdefault(part, []).append(place)
        for part, found in sorted(places.items()):
            rows = batches_of(found)
            yield from _sized(f"{name}-{part}", rows, subject, own.name, again + 1)

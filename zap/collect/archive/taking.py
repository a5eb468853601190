"""What of a batch is new to the archive, and the files that hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from zap.collect.archive.forgotten import Forgotten
from zap.collect.archive.ids import KnownIds, content, id_hash
from zap.collect.archive.partitions import (
    date_of,
    day_number,
    folder_of,
    parquet_bytes,
)
from zap.collect.archive.rows import Numbered
from zap.collect.event import Event
from zap.collect.record import BadRecord, decode
from zap.events.archive_files import file_name
from zap.events.json_rows import text_of

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


@dataclass
class Taken:
    """The new events of a batch.

    Attributes:
        first: the number of the first record that was looked at.
        next: the number after the last one.
        events: the new ones, in order.
        hashes: of their ids, by the day on which they came in.
        counts: ``events``; ``repeated``, whose id is known; ``forgotten``, whose
            subject is; ``others``, which are no events.
    """

    first: int
    next: int
    events: list[Numbered]
    hashes: dict[date, list[bytes]]
    counts: Counter[str]

    def files(self, root: Path) -> Iterator[tuple[Path, bytes]]:
        """The Parquet files of the events: their places and contents."""
        parts: dict[tuple[str, int], list[Numbered]] = {}
        for numbered in self.events:
            event = numbered[1]
            place = _text(event, "source"), day_number(event)
            parts.setdefault(place, []).append(numbered)
        name = file_name(self.first, self.next)
        for (source, day), part in parts.items():
            folder = root / folder_of(source, date_of(day))
            yield folder / name, parquet_bytes(part)

    def runs(self, ids: KnownIds) -> Iterator[tuple[Path, bytes]]:
        """The runs of their ids: their places and contents."""
        for day, hashes in self.hashes.items():
            yield ids.path_of(day, self.first, self.next), content(hashes)


def take(batch: Batch, position: int, ids: KnownIds, forgotten: Forgotten) -> Taken:
    """Find what of a batch is new.

    Args:
        batch: of records.
        position: what is below it was taken before.
        ids: those of the events that are there.
        forgotten: whom to leave out.

    Raises:
        CollectError: a record is none.
    """
    first = max(position, batch.first)
    counts: Counter[str] = Counter()
    events: list[Numbered] = []
    for number, record in enumerate(batch.records, batch.first):
        if number < first:
            continue
        event = decode(record)
        if event is None or isinstance(event, BadRecord):
            counts["others"] += 1
        elif forgotten.holds(number, event):
            counts["forgotten"] += 1
        else:
            events.append((number, event))
    new, hashes = _new(events, ids)
    counts["events"] = len(new)
    counts["repeated"] = len(events) - len(new)
    return Taken(first, batch.next, new, hashes, counts)


def _new(
    events: Sequence[Numbered], ids: KnownIds
) -> tuple[list[Numbered], dict[date, list[bytes]]]:
    """The events whose ids are not known, and the hashes of these by day."""
    of_events = [_hash_of(event) for _, event in events]
    places: dict[bytes, int] = {}
    for at, each in enumerate(of_events):
        if each is not None:
            places.setdefault(each, at)
    hashes = [*places]
    for each, known in zip(hashes, ids.known(hashes).tolist(), strict=True):
        if known:
            places[each] = -1
    new: list[Numbered] = []
    by_day: dict[int, list[bytes]] = {}
    for at, (hashed, numbered) in enumerate(zip(of_events, events, strict=True)):
        if hashed is None:
            new.append(numbered)
        elif places[hashed] == at:
            new.append(numbered)
            by_day.setdefault(day_number(numbered[1]), []).append(hashed)
    return new, {date_of(day): hashes for day, hashes in by_day.items()}


def _hash_of(event: Event) -> bytes | None:
    """What an event is known by; None where it has no id."""
    event_id = _text(event, "event_id")
    return id_hash(_text(event, "source"), event_id) if event_id else None


def _text(event: Event, name: str) -> str:
    """A field as text; empty where it is none."""
    value = event.get(name)
    if value.__class__ is not str:
        try:
            value = text_of(value) or ""
        except TypeError:
            return ""
    return str(value)

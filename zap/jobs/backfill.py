"""A store filled again with the events that were collected in some time.

What the archive has comes from there, as in any rebuild; what has not come to it yet
comes from the spool. Doing it again, or while events are delivered, adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from zap.collect.archive.partitions import day_in, folders
from zap.collect.sinks.records import events_of
from zap.collect.sinks.store import append_events
from zap.collect.spool import Positions, SpoolReader
from zap.errors import CollectError
from zap.events.mapping import EventMapping
from zap.jobs.store import Rebuilt, Received, rebuild
from zap.serving.stores.need import Need
from zap.serving.stores.store import EventStore
from zap.serving.stores.wanted import fields_of

MOST, MOST_BYTES = 5_000, 4 << 20
Told = Callable[[str], None]


def backfill_store(
    store: EventStore,
    needs: dict[str, Need],
    mapping: EventMapping,
    places: tuple[Path | None, Path],
    received: Received,
    told: Told = lambda _: None,
) -> Rebuilt:
    """Add to a store what was received in some time.

    Args:
        store: it may hold some of it already.
        needs: by application; see `zap.serving.stores.wanted.needs_of`.
        mapping: of an archive.
        places: the archive, if there is one, and the spool.
        received: from when and until when, in microseconds since 1970.
        told: is given what is being read.

    Returns:
        What came of it.

    Raises:
        CollectError: the time has no extent.
        InputError: a file of the archive can't be read.
        MappingError: the mapping does not fit.
        StoreError: the store can't be reached; what was added stays.
    """
    if not received[0] < received[1]:
        raise CollectError(
            "Expected a time that begins before it ends. Received: "
            f"from={received[0]}, to={received[1]} in microseconds since 1970."
        )
    archive, spool = places
    # Asked before the archive is listed: what comes to it meanwhile is read twice.
    begin = 0 if archive is None else Positions(spool).get("archive")
    folders = [] if archive is None else day_folders(archive, received)
    found = rebuild(store, needs, mapping, folders, told, received)
    reader = SpoolReader(spool)
    fields = fields_of(needs.values())
    position, end = max(begin, reader.oldest), reader.end
    while position < end:
        told(f"the spool, {position:,} of {end:,}")
        batch = reader.read(position, min(MOST, end - position), MOST_BYTES)
        events = [
            (number, event)
            for number, event in events_of(batch)
            if received[0] <= event["received_at"] < received[1]
        ]
        if events:
            read, appended = append_events(store, events, mapping, fields)
            found.read.update(read)
            found.add(appended)
        position = batch.next
    return found


def day_folders(archive: Path, received: Received) -> list[str]:
    """The folders of an archive whose days have part in some time, in their order."""
    first, last = day_of(received[0]), day_of(received[1] - 1)
    return [
        str(folder)
        for folder in folders(archive)
        if first <= day_in(folder) <= last and any(folder.glob("*.parquet"))
    ]


def day_of(time_us: float) -> date:
    """The day in UTC of an instant in microseconds since 1970."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).date()

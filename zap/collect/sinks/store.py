"""The event store as a sink: it holds what a rebuild from the archive would put there.

Records become rows of the archive in memory, and go through the site's mapping as a
file of the archive does. So what a server predicts from is encoded as in training, and
there is no second way from a client's event to a feature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zap.collect.archive.rows import archive_batch
from zap.collect.event import Event
from zap.collect.sinks.records import events_of
from zap.errors import MappingError
from zap.events.archive_rows import read_archived
from zap.events.listed import listed
from zap.events.mapping import EventMapping
from zap.serving.stores.live_needs import LiveNeeds
from zap.serving.stores.need import Need
from zap.serving.stores.results import Appended
from zap.serving.stores.store import EventStore
from zap.serving.stores.wanted import fields_of

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


class StoreSink:
    """Appends collected events to a store.

    Args:
        store: where to.
        mapping: the file that says what an archive's rows mean; it is read again when
            it changes.
        needs: what live models look at.
    """

    name = "store"
    linger_s = 0.0

    def __init__(self, store: EventStore, mapping: str | Path, needs: LiveNeeds):
        self._store, self._needs = store, needs
        self._mapping = MappingFile(mapping)
        self._kept: Mapping[str, Need] = {}
        self._counts: Counter[str] = Counter()

    def write(self, batch: Batch) -> None:
        """Append the events of a batch; those that are there change nothing.

        Raises:
            StoreError: the store can't be reached.
            MappingError: the mapping can't be read, or is none of an archive.
            ZapError: the registry could never be read.
        """
        events = events_of(batch)
        needs = self._needs.current()
        if not events:
            return
        if not needs:
            self._counts["no_live_model"] += len(events)
            return
        if needs != self._kept:
            self._store.keep(list(needs.values()))
            self._kept = dict(needs)
        fields = fields_of(needs.values())
        read, told = append_events(self._store, events, self._mapping.read(), fields)
        self._counts.update(read)
        self._counts.update(told.by_reason)
        self._counts.update(new=told.new, repeated=told.repeated)

    def position(self) -> int | None:
        """See `Sink`: a store does not know."""
        return None

    def counts(self) -> Mapping[str, int]:
        """See `Telling`: new, repeated, refused by the mapping, and not kept."""
        return self._counts

    def problems(self) -> Mapping[str, str]:
        """Applications whose live version can't be read, and why."""
        return self._needs.problems

    def close(self) -> None:
        """See `Sink`."""
        self._store.close()


def append_events(
    store: EventStore,
    events: Sequence[tuple[int, Event]],
    mapping: EventMapping,
    fields: Collection[str],
) -> tuple[Mapping[str, int], Appended]:
    """Append collected events to a store, as a rebuild from the archive does.

    Args:
        store: told already what to keep.
        events: with their numbers.
        mapping: of an archive.
        fields: of events, that are read.

    Returns:
        What the mapping made of the rows, counted, and what the store of the events.

    Raises:
        StoreError: the store can't be reached.
    """
    read = read_archived(archive_batch(events), mapping)
    rows = listed(read.events, fields)
    for row in rows:
        if row["received_at"] is None:  # as in a rebuild
            row["received_at"] = row["timestamp"]
    return read.counts, store.append(rows)


class MappingFile:
    """A mapping that is read again when its file has changed.

    Args:
        path: of the TOML file.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)
        self._seen: tuple[int, int] | None = None
        self._mapping: EventMapping | None = None

    def read(self) -> EventMapping:
        """What it says now.

        Raises:
            MappingError: it can't be read, or is of another format than ``archive``.
        """
        try:
            found = self._path.stat()
        except OSError as error:
            raise MappingError(
                "Expected a mapping of the archive's rows. "
                f"Received: mapping={self._path} ({error.strerror})."
            ) from error
        seen = found.st_mtime_ns, found.st_size
        if self._mapping is None or seen != self._seen:
            self._mapping, self._seen = archive_mapping(self._path), seen
        return self._mapping


def archive_mapping(path: str | Path) -> EventMapping:
    """A mapping that can be used for what the collector keeps.

    Raises:
        MappingError: it can't be read, is of another format than ``archive``, or
            folds rows into events, which are stored one by one.
    """
    mapping = EventMapping.load(path)
    if mapping.format != "archive":
        raise MappingError(
            'Expected a mapping with format = "archive", which is what the collector '
            f"writes. Received: format={mapping.format!r}, mapping={path}."
        )
    if mapping.row_group_key is not None:
        raise MappingError(
            "Expected a mapping of rows that are events, as they are stored when they "
            f"come. Received: row_group_key={mapping.row_group_key!r}, mapping={path}. "
            "Leave it out, and send what belongs together as one event."
        )
    return mapping

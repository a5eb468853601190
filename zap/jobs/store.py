"""An event store filled again from the archive, with what live models look at.

A store may be lost, or may lack what a new model needs; the archive has every event. A
rebuilt store answers as one that was fed while the events came in. Rebuilding again, or
while a server appends, adds nothing twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeAlias

from zap.errors import MappingError
from zap.events.listed import listed
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import Source, list_sources
from zap.serving.stores.need import PERSON, Need
from zap.serving.stores.results import Appended
from zap.serving.stores.store import EventStore
from zap.serving.stores.wanted import fields_of

Event: TypeAlias = dict[str, Any]
Received: TypeAlias = tuple[float, float]

BATCH_ROWS = 10_000
ALWAYS: Received = (-math.inf, math.inf)
"""From and until when events were received, in microseconds since 1970."""


@dataclass
class Rebuilt:
    """What came of a rebuild.

    Attributes:
        store: where it is.
        applications: those whose live versions it serves.
        sources: files that were read.
        read: rows by what became of them, as in a dataset's manifest.
        new: events that were added.
        repeated: events that were there.
        by_reason: what was not kept; see ``Appended``.
    """

    store: str
    applications: list[str]
    sources: int = 0
    read: Counter[str] = field(default_factory=Counter)
    new: int = 0
    repeated: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)

    def add(self, told: Appended) -> None:
        """Count some events."""
        self.new += told.new
        self.repeated += told.repeated
        self.by_reason.update(told.by_reason)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON."""
        return asdict(self) | {
            "read": dict(self.read),
            "by_reason": dict(self.by_reason),
        }


def rebuild(
    store: EventStore,
    needs: dict[str, Need],
    mapping: EventMapping,
    inputs: Sequence[str],
    told: Callable[[str], None] = lambda _: None,
    received: Received = ALWAYS,
) -> Rebuilt:
    """Fill a store from the archive.

    Args:
        store: it may hold events already.
        needs: by application; see `zap.serving.stores.wanted.needs_of`.
        mapping: how the archive's rows become events.
        inputs: files, globs or directories of the archive.
        told: is given each file's name before it is read.
        received: only events received in that time are added.

    Raises:
        InputError: a file is missing or cannot be read.
        MappingError: the mapping does not fit the files, or folds rows into events.
        StoreError: the store cannot be reached; what was added stays.
    """
    if mapping.row_group_key is not None:
        # A store would hold each line as an event, and the model never saw a line.
        raise MappingError(
            "Expected a mapping of rows that are events. Received: "
            f"row_group_key={mapping.row_group_key!r}, by which rows fold into events "
            "only where whole histories are read. Archive the events as a server gets "
            "them, and name that mapping."
        )
    store.keep(list(needs.values()))
    sources = list_sources(inputs, mapping)
    batches = partial(_events, mapping=mapping, fields=fields_of(needs.values()))
    found = Rebuilt(store.name, sorted(needs), len(sources))
    if any(need.subject == PERSON for need in needs.values()):
        # Whose a device is must be known before its events may come in any order.
        for source in sources:
            told(f"links of {source.path}")
            for events, _ in batches(source):
                store.link(within(events, received))
    for source in sources:
        told(source.path)
        for events, counts in batches(source):
            found.read.update(counts)
            found.add(store.append(within(events, received)))
    return found


def within(events: list[Event], received: Received) -> list[Event]:
    """The events that were received in some time, and rows of dimensions."""
    if received == ALWAYS:
        return events
    since, until = received
    return [
        event
        for event in events
        if event["received_at"] is None or since <= event["received_at"] < until
    ]


def status(store: EventStore) -> dict[str, Any]:
    """Whether a store answers, and how much it holds.

    Raises:
        StoreError: it does not.
    """
    store.ping()
    return {"store": store.name, "documents": store.documents()}


def _events(
    source: Source, mapping: EventMapping, fields: Collection[str]
) -> Iterator[tuple[list[Event], Counter[str]]]:
    """The events of a file in batches, each with counts of its rows.

    An event without a receipt was known when it happened, as in a batch. A row of a
    dimension is known from now on: it says what holds, however long ago it began.
    """
    for read in read_source(source, mapping, batch_rows=BATCH_ROWS):
        events = listed(read.events, fields)
        if source.dimension is None:
            for event in events:
                if event["received_at"] is None:
                    event["received_at"] = event["timestamp"]
        yield events, Counter(read.counts)

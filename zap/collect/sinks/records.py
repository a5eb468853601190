"""What stands in spooled records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zap.collect.event import Event
from zap.collect.record import EVENT, decode

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


def events_of(batch: Batch) -> list[tuple[int, Event]]:
    """The events with their numbers; bad rows and what was forgotten left out."""
    found = []
    for number, record in enumerate(batch.records, batch.first):
        if record.startswith(EVENT):
            event = decode(record)
            assert isinstance(event, dict)
            found.append((number, event))
    return found

"""The record of an event or a bad row: whatever a client sent, there is one."""

from __future__ import annotations

from zap.collect.event import BadRow, Event
from zap.collect.nesting import EVENT_LEVELS, too_deep
from zap.collect.record import encode_bad, encode_event
from zap.errors import CollectError

NO_JSON, TOO_LARGE, TOO_DEEP = "no_json", "too_large", "too_deep"


def event_record(event: Event, most_bytes: int) -> bytes | BadRow:
    """An event's record, or why it has none."""
    try:
        record = encode_event(event)
    except CollectError as error:
        return BadRow(NO_JSON, str(error), ascii(event))
    if len(record) <= most_bytes and not too_deep(record):
        return record
    return BadRow(*_too_much(record, most_bytes), event)


def bad_record(row: BadRow, source: str, received_us: int) -> bytes:
    """A bad row's record."""
    try:
        return encode_bad(row, source, received_us)
    except CollectError:  # half a surrogate pair, or a number beyond 64 bits
        plain = BadRow(row.reason, ascii(row.detail), ascii(row.payload))
        return encode_bad(plain, source, received_us)


def _too_much(record: bytes, most_bytes: int) -> tuple[str, str]:
    """The reason and the detail of an event that is too large or too deep."""
    if len(record) > most_bytes:
        detail = f"Expected at most {most_bytes} bytes. Received: {len(record)}."
        return TOO_LARGE, detail
    return TOO_DEEP, f"Expected at most {EVENT_LEVELS} levels in an event."

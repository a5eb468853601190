"""A record of the spool: one letter that says its kind, and JSON.

The letter stands outside the JSON so that a sink which takes events alone need not
parse bad rows, nor the other way round. The bytes stay in spools for a day and are
read by whatever version of Zap runs next, so a kind may be added, but never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from zap.collect.event import BadRow, Event
from zap.errors import CollectError

EVENT, BAD = b"E", b"B"
FORGOTTEN = b""
"""What stands in the place of a record whose subject was forgotten."""


@dataclass(frozen=True)
class BadRecord:
    """A bad row with what the collector knows of it.

    Attributes:
        row: what was sent, and why it is no event.
        source: the source that sent it; empty where it is not known.
        received_us: when it came, in microseconds since 1970.
    """

    row: BadRow
    source: str
    received_us: int


def encode_event(event: Event) -> bytes:
    """The record of an event.

    Example:
        >>> encode_event({"event_id": "1", "type": "page_view"})
        b'E{"event_id":"1","type":"page_view"}'

    Raises:
        CollectError: JSON can't hold it.
    """
    try:
        return EVENT + orjson.dumps(event)
    except TypeError as error:
        raise _unfit(event, error) from error


def encode_bad(bad: BadRow, source: str, received_us: int) -> bytes:
    """The record of a bad row.

    Args:
        bad: the row.
        source: the source that sent it; empty where it is not known.
        received_us: when it came, in microseconds since 1970.

    Raises:
        CollectError: JSON can't hold its payload.
    """
    fields = {
        "reason": bad.reason,
        "detail": bad.detail,
        "payload": bad.payload,
        "source": source,
        "received_us": received_us,
    }
    try:
        return BAD + orjson.dumps(fields)
    except TypeError as error:
        raise _unfit(fields, error) from error


def decode(record: bytes) -> Event | BadRecord | None:
    """What a record holds: an event, a bad row, or None where it was forgotten.

    Example:
        >>> decode(b'E{"event_id":"1"}')
        {'event_id': '1'}
        >>> decode(encode_bad(BadRow("no_json", "", "{"), "shop", 5)).source
        'shop'

    Raises:
        CollectError: it is no record.
    """
    if not record:
        return None
    kind, text = record[:1], memoryview(record)[1:]
    try:
        fields = orjson.loads(text)
        if kind == EVENT and type(fields) is dict:
            return fields
        if kind == BAD:
            return _bad(fields)
    except (ValueError, KeyError, TypeError) as error:
        raise _no_record(record) from error
    raise _no_record(record)


def _bad(fields: Any) -> BadRecord:
    row = BadRow(fields["reason"], fields["detail"], fields["payload"])
    return BadRecord(row, fields["source"], fields["received_us"])


def _unfit(fields: dict[str, Any], error: TypeError) -> CollectError:
    return CollectError(
        f"Expected what JSON can hold: {error}. Received: keys={sorted(fields)}. "
        "Send text, whole numbers of 64 bits, numbers, lists and objects alone."
    )


def _no_record(record: bytes) -> CollectError:
    return CollectError(
        "Expected a record of the spool: E or B, and a JSON object. "
        f"Received: record={record[:40]!r}. Read it with the Zap that wrote it."
    )

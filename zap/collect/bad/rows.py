"""A bad row as a line of JSON, and what tells two of them apart.

A row is known by its number in the spool together with the checksum of its line: a
spool that was begun anew counts from 0 again, and must not pass for the old one. The
number stands first in a line, so that it can be read without the rest.

Lines of all earlier versions are read: a field may be added, none changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from zap.collect.record import BadRecord

_BEGIN = b'{"number":'


class Identity(NamedTuple):
    """What tells a row from all others."""

    number: int
    checksum: int


@dataclass(frozen=True)
class StoredRow:
    """A bad row as it is kept.

    Attributes:
        identity: what tells it from all others.
        received_us: when it came, in microseconds since 1970.
        source: that sent it; empty where it is not known.
        reason: a stable name.
        detail: for people.
        payload: what was sent.
    """

    identity: Identity
    received_us: int
    source: str
    reason: str
    detail: str
    payload: Any


def line_of(number: int, record: BadRecord) -> bytes:
    """The line of a row, with its end.

    Args:
        number: in the spool.
        record: what the spool holds.
    """
    fields = {
        "number": number,
        "received_at": record.received_us,
        "source": record.source,
        "reason": record.row.reason,
        "detail": record.row.detail,
        "payload": record.row.payload,
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def forgotten_line(identity: Identity) -> bytes:
    """What stands in the place of a row that was forgotten: who it was, not what."""
    fields = {"number": identity.number, "forgotten": identity.checksum}
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def number_in(line: bytes) -> int:
    """The number of a line.

    Raises:
        ValueError: it is no line of a bad row.
    """
    if not line.startswith(_BEGIN):
        raise ValueError("no bad row")
    return int(line[len(_BEGIN) :].partition(b",")[0])


def identity_of(line: bytes) -> Identity:
    """What tells a line's row from all others, also where it was forgotten.

    Raises:
        ValueError: it is no line of a bad row.
    """
    number = number_in(line)
    if line.startswith(b'"forgotten":', len(_BEGIN) + len(str(number)) + 1):
        return Identity(number, int(orjson.loads(line)["forgotten"]))
    return Identity(number, crc32(line))


def row_of(line: bytes) -> StoredRow | None:
    """The row of a line; None where it was forgotten.

    Raises:
        ValueError: it is no line of a bad row.
    """
    fields = orjson.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("no object")
    if "forgotten" in fields:
        return None
    try:
        return StoredRow(
            identity_of(line),
            fields["received_at"],
            fields["source"],
            fields["reason"],
            fields["detail"],
            fields["payload"],
        )
    except KeyError as error:
        raise ValueError(f"without {error}") from error

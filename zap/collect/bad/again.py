"""What a bad row would be today: by its protocol, or by the checks that refused it.

A row keeps what was sent of one event, and no more of its request. So times are those
that the event itself tells, and an agent or address that stood in headers is unknown.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from zap.collect.bad.rows import StoredRow
from zap.collect.checks.checks import Checks
from zap.collect.checks.own_form import WITHHELD
from zap.collect.event import BadRow, Event
from zap.collect.protocol import Protocol, Request, Unaccepted
from zap.collect.protocols import PROTOCOLS
from zap.collect.record import encode_event

SCHEMA = "schema."
NEVER = ("snowplow.app_id", "zap.lost")
"""Rows whose source would be a guess, or that stand for events that never came."""

_NAMESPACE = uuid.UUID("6f0e4f0b-3f5e-4a53-9a0f-0e1f3b6f6a55")
_KEY = "replay"
_TP2 = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"


def _segment(text: bytes) -> tuple[str, bytes]:
    return "/v1/batch", b'{"batch":[' + text + b"]}"


_REQUESTS: Mapping[str, Callable[[bytes], tuple[str, bytes]]] = {
    "segment": _segment,
    "rudderstack": _segment,
    "snowplow": lambda text: (
        "/com.snowplowanalytics.snowplow/tp2",
        b'{"schema":"' + _TP2.encode() + b'","data":[' + text + b"]}",
    ),
    "posthog": lambda text: (
        "/batch/",
        b'{"api_key":"' + _KEY.encode() + b'","batch":[' + text + b"]}",
    ),
    "zap": lambda text: (
        "/v1/collect",
        b'{"key":"' + _KEY.encode() + b'","events":[' + text + b"]}",
    ),
}
"""The path and body in which a protocol's clients send one event, by protocol."""


@dataclass(frozen=True)
class Still:
    """A row that is no event today either.

    Attributes:
        reason: as of bad rows, or ``cannot``: nothing knows how to read it.
    """

    reason: str


CANNOT = Still("cannot")


class Again:
    """Reads bad rows by what is in force now.

    Args:
        checks: of the sources.
    """

    def __init__(self, checks: Checks):
        self._checks = checks
        self._protocols: dict[str, Protocol] = {}

    def records(self, row: StoredRow) -> list[bytes] | Still:
        """The records of the events that a row is, or why it is none."""
        found = self._events(row)
        if isinstance(found, Still):
            return found
        events, most_bytes = found
        events = [self._named(row, event) for event in events]
        kept, bad = self._checks.apply(row.source, events)
        if bad:
            return Still(bad[0].reason)
        records = [encode_event(event) for event in kept]
        if any(len(record) > most_bytes for record in records):
            return Still("too_large")
        return records

    def _events(self, row: StoredRow) -> tuple[list[Event], int] | Still:
        """The events of a row and how large each may be, before the checks."""
        if row.reason in NEVER or row.payload == WITHHELD:
            return CANNOT
        if row.reason.startswith(SCHEMA):
            # It was within its protocol's limits when it came.
            return [row.payload], len(orjson.dumps(row.payload)) * 2
        name = row.reason.partition(".")[0]
        if name not in _REQUESTS or name not in PROTOCOLS:
            return CANNOT
        protocol = self._protocols.setdefault(name, PROTOCOLS[name]())
        request = _request(name, row)
        if request is None:
            return CANNOT
        try:
            parsed = protocol.parse(request)
        except Unaccepted as why:
            return Still(why.fate.value)
        if parsed.bad or not parsed.events:
            bad: BadRow | None = next(iter(parsed.bad), None)
            return Still(bad.reason) if bad else CANNOT
        return list(parsed.events), protocol.max_event_bytes

    def _named(self, row: StoredRow, event: Event) -> Event:
        """The event with its source, and an id that is the same at each replay."""
        event = {**event, "source": row.source}
        if event.get("event_id_made") and not row.reason.startswith(SCHEMA):
            name = f"{row.source}/{row.identity.number}/{row.identity.checksum}"
            event["event_id"] = str(uuid.uuid5(_NAMESPACE, name))
        return event


def _request(name: str, row: StoredRow) -> Request | None:
    """A request of one event, as its client would send it; None where it is no JSON."""
    text: Any = row.payload
    if isinstance(text, str):
        try:
            orjson.loads(text)  # also so that it can't be more than one event
        except ValueError:
            return None
    text = text.encode() if isinstance(text, str) else orjson.dumps(text)
    path, body = _REQUESTS[name](text)
    anonymous = {b"sp-anonymous": b"*"}  # no visitor of Snowplow is made up
    return Request("POST", path, b"", anonymous, body, row.received_us)

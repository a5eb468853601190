"""Checks events that come in canonical form, and gives them their times.

Little is to be done, as whoever posts them knows the form. What the collector says of
an event itself cannot be said for it: an event that brings such a field is bad, rather
than altered without a word.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from zap.collect.event import TEXTS, BadRow, Event
from zap.collect.protocols.bounded_json import DeepJsonError, check_depth
from zap.errors import ServingError
from zap.serving.posted import shown, time_us

EARLIEST_US = -2_208_988_800_000_000
"""1900; no clock of a device is right about less."""

IDS = ("event_id", "anonymous_id", "user_id")
NESTED = ("properties", "traits", "context")
OURS = (
    "received_at",
    "source",
    "sequence",
    "event_id_made",
    "original_timestamp",
    "sent_at",
)
"""Fields that the collector sets, and senders may not."""

_MAX_WHOLE = 2**63


@dataclass(frozen=True)
class Sending:
    """What a request tells of all events in it.

    Attributes:
        received_us: when it came, in microseconds since 1970.
        sent_at: when it was sent, by the sender's clock; None where it does not say.
        user_agent: of the browser that sent it; empty where it is none.
        max_event_bytes: of one event as JSON.
    """

    received_us: int
    sent_at: Any = None
    user_agent: str = ""
    max_event_bytes: int = 100_000


class _BadEventError(ValueError):
    """An event that cannot be used; its arguments are the reason and the details."""


def _bad(reason: str, expected: str, received: object) -> _BadEventError:
    text = f"Expected {expected}. Received: {shown(received)}."
    return _BadEventError(f"zap.{reason}", text)


def read_event(sent: Any, sending: Sending) -> Event | BadRow:
    """The event that was sent, or why it is none."""
    try:
        check_depth(sent)
        return _event(sent, sending)
    except DeepJsonError as error:
        return BadRow("zap.depth", f"{error} Received: a deeper one.", sent)
    except ServingError as error:
        return BadRow("zap.time", str(error), sent)
    except _BadEventError as error:
        reason, detail = error.args
        return BadRow(reason, detail, sent)


def _event(sent: Any, sending: Sending) -> Event:
    if not isinstance(sent, dict):
        raise _bad("event", "an object as event", sent)
    size_bytes = len(orjson.dumps(sent))
    if size_bytes > sending.max_event_bytes:
        limit = f"an event of at most {sending.max_event_bytes} bytes"
        raise _bad("too_large", limit, size_bytes)
    reserved = [name for name in OURS if name in sent]
    if reserved:
        raise _bad("reserved", "no field that the collector sets", reserved)
    event = {name: value for name, value in sent.items() if value is not None}
    if not isinstance(event.get("type"), str) or not event["type"]:
        raise _bad("type", "a text as type", event.get("type"))
    for name in TEXTS:
        if name in event and not _text(event, name):
            del event[name]
    for name in NESTED:
        if not isinstance(event.get(name, {}), dict):
            raise _bad(name, f"an object as {name}", event[name])
    if "anonymous_id" not in event and "user_id" not in event:
        raise _bad("no_id", "an anonymous_id or a user_id", None)
    if sending.user_agent:
        event.setdefault("user_agent", sending.user_agent)
    if "event_id" not in event:
        event |= {"event_id": str(uuid.uuid4()), "event_id_made": True}
    return event | _clocks(event, sending)


def _text(event: Event, name: str) -> str:
    """The text of a field, empty where it says nothing; whole numbers become texts.

    Numbers are what users are called by in many a database.
    """
    value = event[name]
    if name in IDS and type(value) is int and abs(value) < _MAX_WHOLE:
        event[name] = value = str(value)
    if not isinstance(value, str):
        raise _bad("text", f"a text as {name}", value)
    return value


def _clocks(event: Mapping[str, Any], sending: Sending) -> dict[str, Any]:
    """When it happened: the receipt, less the time that it waited in the sender.

    That wait is by the sender's clock, which may be wrong as long as it is steady.
    Without ``sent_at`` the sender's clock is believed; without ``timestamp`` the event
    happened as it came. Nothing happens after it was received.
    """
    received = happened = sending.received_us
    clocks: dict[str, Any] = {"received_at": received}
    if "timestamp" in event:
        clocks["original_timestamp"] = event["timestamp"]
        happened = time_us(event["timestamp"], "timestamp")
    if sending.sent_at is not None:
        clocks["sent_at"] = sending.sent_at
        if "timestamp" in event:
            happened = received - (time_us(sending.sent_at, "sent_at") - happened)
    if happened < EARLIEST_US:
        raise _bad("time", "a time after 1900", event.get("timestamp"))
    return {**clocks, "timestamp": min(happened, received)}

"""Makes events of what PostHog's clients send.

PostHog knows one id a person at a time, ``distinct_id``, which is that of a device
until somebody identifies. Here the two are apart: which one it is is told by what the
browser's client says of itself (``$device_id``, ``$is_identified``), and by
``$process_person_profile``. Other clients run on servers, where it is a user.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zap.collect.event import CANONICAL, BadRow, Event
from zap.collect.protocols.bad_events import BadEventError, bad_event
from zap.collect.protocols.bounded_json import DeepJsonError, check_depth

NAMES = {
    "$pageview": "page_view",
    "$screen": "screen_view",
    "$identify": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
}
"""PostHog's names to Zap's; all others stay as they are."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_US = -2_208_988_800_000_000
_READ = {"event", "uuid", "timestamp", "properties"}
_OURS = {*CANONICAL, "original_timestamp", "sent_at", "context", "event_id_made"}


@dataclass(frozen=True)
class Sending:
    """What a request tells of all events in it.

    Attributes:
        received_us: when it came, in microseconds since 1970.
        sent_at: when the client sent it, by its own clock; None where it does not say.
        address: of the client, empty where unknown.
    """

    received_us: int
    sent_at: Any = None
    address: str = ""


def read_event(sent: Any, sending: Sending) -> Event | BadRow:
    """The event that a client has sent, or why it is none."""
    try:
        check_depth(sent)
        return _event(sent, sending)
    except DeepJsonError as error:
        return BadRow("posthog.depth", str(error), sent)
    except BadEventError as error:
        return error.row(sent)


def _event(sent: Any, sending: Sending) -> Event:
    if not isinstance(sent, dict):
        raise bad_event("posthog.event", "an object as event", sent)
    name = sent.get("event")
    if not isinstance(name, str) or not name:
        raise bad_event("posthog.event_name", "a text as event", name)
    properties = sent.get("properties") or {}
    if not isinstance(properties, dict):
        raise bad_event("posthog.event", "an object as properties", properties)
    event: Event = {
        **_clocks(sent, properties, sending),
        "type": NAMES.get(name, name),
        **_identity(sent, name, properties),
        **_page(properties),
        **_rest(sent),
        "properties": properties,
    }
    if sending.address:
        event["context"] = {"ip": sending.address}
    own = sent.get("uuid") or properties.get("$insert_id")
    if isinstance(own, str) and own:
        event["event_id"] = own
    else:
        event |= {"event_id": str(uuid.uuid4()), "event_id_made": True}
    return event


def _clocks(
    sent: Mapping[str, Any], properties: Mapping[str, Any], sending: Sending
) -> dict[str, Any]:
    """When it happened: the receipt, less the time that it waited in the client.

    An import of old events tells their own times (``historical_migration``); they
    come through unchanged, since they were sent by a right clock.
    """
    received = sending.received_us
    clocks: dict[str, Any] = {"received_at": received}
    happened = received
    offset = sent.get("offset")
    if sent.get("timestamp") is not None:
        clocks["original_timestamp"] = sent["timestamp"]
        happened = _micros(sent["timestamp"])
        if sending.sent_at is not None and not properties.get("$ignore_sent_at"):
            happened = received - (_micros(sending.sent_at) - happened)
    elif isinstance(offset, int | float) and 0 <= offset < 1e13:
        happened = received - int(offset * 1000)  # of browsers, in milliseconds
    if sending.sent_at is not None:
        clocks["sent_at"] = sending.sent_at
    if happened < _EARLIEST_US:
        raise bad_event("posthog.time", "a time after 1900", sent.get("timestamp"))
    return {**clocks, "timestamp": min(happened, received)}


def _micros(text: Any) -> int:
    """Microseconds since 1970 of a time in ISO 8601; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (zoned - _EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError, OverflowError) as error:
        raise bad_event("posthog.time", "a time in ISO 8601", text) from error


def _identity(
    sent: Mapping[str, Any], name: str, properties: Mapping[str, Any]
) -> dict[str, str]:
    """Who it was: the device's id, the user's, or both."""
    distinct = _text(sent.get("distinct_id")) or _text(properties.get("distinct_id"))
    device = _text(properties.get("$device_id"))
    ids: dict[str, str | None]
    if name == "$create_alias":
        alias = _text(properties.get("alias"))
        ids = {"anonymous_id": distinct, "user_id": alias}
    elif name == "$identify":
        device = _text(properties.get("$anon_distinct_id")) or device
        ids = {"anonymous_id": device, "user_id": distinct}
    elif name == "$groupidentify":
        ids = {}  # it is about the group, and nobody's act
    elif _is_device(distinct, device, properties):
        ids = {"anonymous_id": distinct}
    else:
        ids = {"anonymous_id": device, "user_id": distinct}
    known = {key: value for key, value in ids.items() if value}
    if not known and name != "$groupidentify":
        raise bad_event(
            "posthog.distinct_id", "a text as distinct_id", sent.get("distinct_id")
        )
    return known


def _is_device(
    distinct: str | None, device: str | None, properties: Mapping[str, Any]
) -> bool:
    """Whether an id is of somebody unknown."""
    if properties.get("$process_person_profile") is False:
        return properties.get("$is_identified") is not True
    return distinct == device or properties.get("$is_identified") is False


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _page(properties: Mapping[str, Any]) -> dict[str, str]:
    """Canonical fields that PostHog keeps among the properties."""
    names = {
        "url": "$current_url",
        "referrer": "$referrer",
        "user_agent": "$raw_user_agent",
    }
    found = {field: _text(properties.get(name)) for field, name in names.items()}
    if found["referrer"] == "$direct":  # PostHog's word for none
        found["referrer"] = None
    return {field: text for field, text in found.items() if text}


def _rest(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What has no field of its own: as it came, or under ``parameters``.

    A key that is named as a field of Zap's would look like it there.
    """
    others = {key: value for key, value in sent.items() if key not in _READ}
    own = {key: value for key, value in others.items() if key not in _OURS}
    taken = {key: value for key, value in others.items() if key in _OURS}
    return {**own, "parameters": taken} if taken else own

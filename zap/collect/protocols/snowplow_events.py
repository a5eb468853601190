"""Makes events of what Snowplow's trackers send: one set of parameters each.

Types and times follow the rules by which exports of Snowplow are read
(``zap.events.snowplow_rows``): a change here that is not made there gives an event
another type or time by the way it came.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from zap.collect.event import BadRow, Event
from zap.collect.protocols.bad_events import BadEventError, bad_event
from zap.collect.protocols.snowplow_described import coded_json, described
from zap.collect.protocols.snowplow_fields import Parameters, millis, read_fields

_SNOWPLOW = "com.snowplowanalytics.snowplow"
KINDS = {
    "pv": ("page_view", _SNOWPLOW, "page_view"),
    "pp": ("page_ping", _SNOWPLOW, "page_ping"),
    "se": ("struct", "com.google.analytics", "event"),
    "ev": ("struct", "com.google.analytics", "event"),
    "tr": ("transaction", _SNOWPLOW, "transaction"),
    "ti": ("transaction_item", _SNOWPLOW, "transaction_item"),
    "ad": ("ad_impression", _SNOWPLOW, "ad_impression"),
    "ue": ("unstruct", "", ""),
}
"""``e`` to the event's kind, and the vendor and name of its schema."""

EARLIEST_US = -2_208_988_800_000_000
"""1900; no clock of a device is right about less."""


@dataclass(frozen=True)
class Visit:
    """What a request tells of all events in it.

    Attributes:
        received_us: when it came, in microseconds since 1970.
        address: of the client, empty where it is not to be known.
        user_agent, page: its headers User-Agent and Referer, empty where absent.
        network_id: of the visitor by the cookie; None where it is not to be known.
    """

    received_us: int
    address: str = ""
    user_agent: str = ""
    page: str = ""
    network_id: str | None = None


def read_event(sent: Any, visit: Visit) -> Event | BadRow:
    """The event that parameters say, or why they say none.

    Args:
        sent: the parameters by name, texts or numbers.
        visit: what the request says of it.
    """
    try:
        return _event(_texts(sent), visit)
    except BadEventError as error:
        return error.row(sent)


def _texts(sent: Any) -> dict[str, str]:
    """Parameters as texts, without those that are empty."""
    if not isinstance(sent, dict):
        raise bad_event(
            "snowplow.event", "an object with the parameters of an event", sent
        )
    texts = {}
    for name, value in sent.items():
        if value.__class__ is str:
            if value:
                texts[name] = value
            continue
        if isinstance(value, dict | list):
            raise bad_event("snowplow.event", f"a text as {name!r}", value)
        if isinstance(value, bool):
            value = int(value)
        if value is not None:
            texts[name] = str(value)
    return texts


def _event(parameters: Parameters, visit: Visit) -> Event:
    if parameters.get("e") not in KINDS:
        known = ", ".join(KINDS)
        raise bad_event(
            "snowplow.event_kind", f"an event of kind {known}", parameters.get("e")
        )
    kind, vendor, name = KINDS[parameters["e"]]
    event: Event = {"received_at": visit.received_us, **_of_visit(visit)}
    event |= read_fields(parameters)
    event["timestamp"] = _happened(parameters, visit.received_us)
    event["event"] = kind
    if kind == "unstruct":
        event |= _self_describing(parameters)
    else:
        version = {"event_format": "jsonschema", "event_version": "1-0-0"}
        event |= {"event_vendor": vendor, "event_name": name, **version}
    event["type"] = event["event_name"]
    if kind == "struct":
        action = parameters.get("se_ac") or parameters.get("ev_ac")
        event["type"] = action or kind
    if contexts := _contexts(parameters):
        event |= contexts
    if "event_id" not in event:
        event |= {"event_id": str(uuid.uuid4()), "event_id_made": True}
    return event


def _of_visit(visit: Visit) -> dict[str, str]:
    """What an event has from its request, where it does not say it itself."""
    known = {
        "user_ipaddress": visit.address,
        "user_agent": visit.user_agent,
        "url": visit.page,
        "network_userid": visit.network_id,
    }
    return {name: value for name, value in known.items() if value}


def _happened(parameters: Parameters, received_us: int) -> int:
    """When it happened, in microseconds, by Snowplow's own sum.

    It is the true time where the application tells it. Else it is the receipt, less
    the time that the event waited in the tracker, by the device's clock, which may be
    wrong as long as it is steady.
    """
    try:
        clocks = {
            name: millis(parameters[name])
            for name in ("ttm", "dtm", "stm")
            if name in parameters
        }
    except ValueError as error:
        raise bad_event(
            "snowplow.time", "times in milliseconds since 1970", str(error)
        ) from error
    if "ttm" in clocks:
        happened = clocks["ttm"]
    elif "dtm" in clocks and "stm" in clocks:
        happened = received_us - (clocks["stm"] - clocks["dtm"])
    else:
        happened = received_us
    if happened < EARLIEST_US:
        raise bad_event("snowplow.time", "a time after 1900", happened)
    return min(happened, received_us)


def _self_describing(parameters: Parameters) -> dict[str, Any]:
    """The schema and the data of an event of one's own."""
    envelope = coded_json(parameters, "ue_pr", "ue_px", "self_describing")
    inner = envelope.get("data") if isinstance(envelope, dict) else None
    schema, data = described(inner, "self_describing")
    return {
        "properties": data,
        **{f"event_{part}": text for part, text in schema.groupdict().items()},
    }


def _contexts(parameters: Parameters) -> dict[str, Any]:
    """The contexts of an event by schema, and their schemas in full, in their order."""
    if not {"co", "cx"} & parameters.keys():
        return {}
    envelope = coded_json(parameters, "co", "cx", "contexts")
    entities = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(entities, list):
        raise bad_event("snowplow.contexts", "a list of contexts as data", envelope)
    found: dict[str, list[Any]] = {}
    schemas = []
    for entity in entities:
        schema, data = described(entity, "contexts")
        found.setdefault(f"{schema['vendor']}/{schema['name']}", []).append(data)
        schemas.append(schema[0])
    return {"contexts": found, "context_schemas": schemas} if schemas else {}

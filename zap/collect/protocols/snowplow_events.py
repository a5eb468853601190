"""Makes events of what Snowplow's trackers send: one set of parameters each.

Types and times follow the rules by which exports of Snowplow are read
(``zap.events.snowplow_rows``): a change here that is not made there gives an event
another type or time by the way it came.
"""

from __future__ import annotations

import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zap.collect.event import BadRow, Event
from zap.collect.protocols.bounded_json import DeepJsonError, read_json
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

_SCHEMA = re.compile(
    r"iglu:(?P<vendor>[A-Za-z0-9_.-]+)/(?P<name>[A-Za-z0-9_-]+)"
    r"/(?P<format>[A-Za-z0-9_-]+)/(?P<version>\d+-\d+-\d+)"
)


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


class _BadEventError(ValueError):
    """An event that cannot be used; its arguments are the reason and the details."""


def _bad(reason: str, expected: str, received: object) -> _BadEventError:
    text = repr(received)
    text = text if len(text) <= 200 else text[:200] + "..."
    return _BadEventError(
        f"snowplow.{reason}", f"Expected {expected}. Received: {text}."
    )


def read_event(sent: Any, visit: Visit) -> Event | BadRow:
    """The event that parameters say, or why they say none.

    Args:
        sent: the parameters by name, texts or numbers.
        visit: what the request says of it.
    """
    try:
        return _event(_texts(sent), visit)
    except _BadEventError as error:
        reason, detail = error.args
        return BadRow(reason, detail, sent)


def _texts(sent: Any) -> dict[str, str]:
    """Parameters as texts, without those that are empty."""
    if not isinstance(sent, dict):
        raise _bad("event", "an object with the parameters of an event", sent)
    texts = {}
    for name, value in sent.items():
        if isinstance(value, dict | list):
            raise _bad("event", f"a text as {name!r}", value)
        if isinstance(value, bool):
            value = int(value)
        if value is not None and value != "":
            texts[name] = str(value)
    return texts


def _event(parameters: Parameters, visit: Visit) -> Event:
    if parameters.get("e") not in KINDS:
        known = ", ".join(KINDS)
        raise _bad("event_kind", f"an event of kind {known}", parameters.get("e"))
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
        raise _bad("time", "times in milliseconds since 1970", str(error)) from error
    if "ttm" in clocks:
        happened = clocks["ttm"]
    elif "dtm" in clocks and "stm" in clocks:
        happened = received_us - (clocks["stm"] - clocks["dtm"])
    else:
        happened = received_us
    if happened < EARLIEST_US:
        raise _bad("time", "a time after 1900", clocks)
    return min(happened, received_us)


def _self_describing(parameters: Parameters) -> dict[str, Any]:
    """The schema and the data of an event of one's own."""
    envelope = _json(parameters, "ue_pr", "ue_px", "self_describing")
    inner = envelope.get("data") if isinstance(envelope, dict) else None
    schema, data = _described(inner, "self_describing")
    return {
        "properties": data,
        **{f"event_{part}": text for part, text in schema.groupdict().items()},
    }


def _contexts(parameters: Parameters) -> dict[str, Any]:
    """The contexts of an event by schema, and their schemas in full, in their order."""
    if not {"co", "cx"} & parameters.keys():
        return {}
    envelope = _json(parameters, "co", "cx", "contexts")
    entities = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(entities, list):
        raise _bad("contexts", "a list of contexts as data", envelope)
    found: dict[str, list[Any]] = {}
    schemas = []
    for entity in entities:
        schema, data = _described(entity, "contexts")
        found.setdefault(f"{schema['vendor']}/{schema['name']}", []).append(data)
        schemas.append(schema[0])
    return {"contexts": found, "context_schemas": schemas} if schemas else {}


def _described(entity: Any, reason: str) -> tuple[re.Match[str], dict[str, Any]]:
    """The schema of something that describes itself, and its data."""
    if isinstance(entity, dict):
        schema = _SCHEMA.fullmatch(str(entity.get("schema")))
        data = entity.get("data")
        if schema is not None and isinstance(data, dict):
            return schema, data
    expected = "schema (iglu:VENDOR/NAME/FORMAT/VERSION) and data (an object)"
    raise _bad(reason, expected, entity)


def _json(parameters: Mapping[str, str], plain: str, coded: str, reason: str) -> Any:
    """The JSON of a parameter, which may be coded as URL-safe base64."""
    try:
        if plain in parameters:
            return read_json(parameters[plain])
        return read_json(_decoded(parameters.get(coded, "")))
    except DeepJsonError as error:
        raise _BadEventError("snowplow.depth", str(error)) from error
    except ValueError as error:
        where = f"JSON in {plain}, or in {coded} as URL-safe base64"
        raise _bad(reason, where, str(error)) from error


def _decoded(text: str) -> bytes:
    """Base64 with "-_" or "+/", with or without padding."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)

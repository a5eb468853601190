"""Posted events as they are stored: the fields that are read, as JSON values.

Derived fields are computed here, once, so that raw addresses and agents are stored only
where an instance reads them. A value becomes what JSON can hold and what is encoded to
the same bytes; one for which there is no such value makes its event unfit, and it is
counted rather than changed.
"""

from __future__ import annotations

import hashlib
import math
import numbers
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from zap.encoding.hashing import as_float, canonical_text
from zap.errors import InputError
from zap.events.derived import DERIVED, DerivedValue, derive
from zap.serving.stores.look import Event

LONGEST_ID_BYTES = 200
LARGEST_WHOLE = 1 << 53  # as a column of numbers holds it
_LATEST_US = 1 << 61
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unfit(Exception):
    """An event holds a value that no document can hold."""


def checked(event: Mapping[str, Any]) -> None:
    """Refuse what is no event.

    Raises:
        InputError: there is no timestamp or no type.
    """
    time_us, kind = event.get("timestamp"), event.get("type")
    if type(time_us) is not int or abs(time_us) > _LATEST_US:
        raise InputError(
            "Expected an event's timestamp in whole microseconds since 1970. "
            f"Received: timestamp={time_us!r}."
        )
    if not isinstance(kind, str) or not kind:
        raise InputError(f"Expected an event's type, a text. Received: type={kind!r}.")
    for name in ("received_at", "sequence"):
        value = event.get(name)
        if value is not None and (type(value) is not int or abs(value) > _LATEST_US):
            raise InputError(
                f"Expected a whole number as an event's {name}. "
                f"Received: {name}={value!r}."
            )


def event_id(event: Mapping[str, Any]) -> str:
    """The id of an event: its own, else a hash of all that it holds."""
    given = event.get("event_id")
    if given is not None and given != "":
        name = str(given)
        if len(name) <= LONGEST_ID_BYTES:
            return name
        return "long:" + _hashed(name.encode("utf-8", "surrogatepass"))
    whole = orjson.dumps(dict(event), default=str, option=orjson.OPT_SORT_KEYS)
    return _hashed(whole)


def stored(
    event: Mapping[str, Any], fields: Sequence[str], name: str, received_us: int
) -> Event:
    """An event as a document holds it.

    Args:
        event: as it was posted.
        fields: those that are read.
        name: its id.
        received_us: when it came in, for one that does not say so.

    Raises:
        Unfit: a value cannot be stored.
    """
    received = event.get("received_at")
    found: Event = {
        "event_id": name,
        "timestamp": event["timestamp"],
        "received_at": received_us if received is None else received,
        "type": event["type"],
    }
    if event.get("sequence") is not None:
        found["sequence"] = event["sequence"]
    for field in fields:
        if field in found:
            continue
        value = _value(_read(event, field))
        if value is not None:
            found[field] = value
    return found


def subject_text(event: Mapping[str, Any], field: str) -> str | None:
    """The name of an event's subject; None where it has none."""
    value = event.get(field)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # beyond 2**53 too: an id is no number
    try:
        return canonical_text(value)
    except Exception as error:
        raise Unfit(field) from error


@lru_cache(maxsize=16_384)
def _derived(name: str, text: str) -> DerivedValue:
    return derive(name, text)


def _read(event: Mapping[str, Any], field: str) -> Any:
    made = DERIVED.get(field)
    if made is None:
        return event.get(field)
    text = event.get(made.base)
    return _derived(field, text) if isinstance(text, str) else event.get(field)


def _value(value: Any) -> Any:
    """A JSON value that is encoded as the given one is."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and abs(value) <= LARGEST_WHOLE:
        return value
    if isinstance(value, numbers.Real):
        number = as_float(value)
        if math.isinf(number):
            raise Unfit
        return None if math.isnan(number) else number
    if isinstance(value, datetime) and value.tzinfo is not None:
        return (value - _EPOCH) // timedelta(microseconds=1) / 1e6
    if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        return [_text(v) for v in value]
    raise Unfit


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Unfit from error
    return str.__str__(value)


def _hashed(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()

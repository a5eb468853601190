"""Events as somebody posts them, checked and given times in whole microseconds.

An event is a flat object: ``timestamp``, ``type``, the canonical fields, and further
ones by the names that the mapping gave them in training. A timestamp is a text of ISO
8601 with a zone or whole microseconds since 1970; anything else would have to be
guessed, and a guessed time moves an event out of a window without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from zap.errors import ServingError
from zap.events.derived import DERIVED, derive

TEXTS = ("event_id", "anonymous_id", "user_id", "url", "referrer", "user_agent")
TIMES = ("timestamp", "received_at")
EARLIEST_US, LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_LIKELY = {  # the years 2001 to 2286 by a browser's clock, and by most others
    "milliseconds (times 1,000)": range(10**12, 10**13),
    "seconds (times 1,000,000)": range(10**9, 10**10),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parsed_events(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Posted events as a store and an encoder take them.

    Raises:
        ServingError: one lacks its timestamp or type, or a value has a wrong type.
    """
    return [_parsed(event, place) for place, event in enumerate(events)]


def _parsed(event: Mapping[str, Any], place: int) -> dict[str, Any]:
    # An empty text is no value, as in the files that models are trained on.
    found = {name: it for name, it in event.items() if it is not None and it != ""}
    try:
        found["timestamp"] = time_us(found["timestamp"], "timestamp")
        if "received_at" in found:
            found["received_at"] = time_us(found["received_at"], "received_at")
        if not isinstance(found["type"], str) or not found["type"]:
            raise wrong("type", "a text that is not empty", found["type"])
        for name in TEXTS:
            if name in found and not isinstance(found[name], str):
                raise wrong(name, "a text", found[name])
        sequence = found.get("sequence", 0)
        if not isinstance(sequence, int) or isinstance(sequence, bool):
            raise wrong("sequence", "a whole number", sequence)
    except KeyError as error:
        raise ServingError(
            f"Expected a timestamp and a type in events[{place}]. Received: none of "
            f"{error.args[0]!r}. Add it."
        ) from error
    except ServingError as error:
        raise ServingError(f"events[{place}]: {error}") from error
    return found


def time_us(value: Any, name: str) -> int:
    """A moment in microseconds since 1970.

    Args:
        value: ISO 8601 with a zone, or whole microseconds.
        name: of the field, for the error.

    Raises:
        ServingError: it is neither, or outside of the years 1 to 9999, or from the
            hours and months of 1970 that (milli)seconds of our time look like.
    """
    if type(value) is int:
        if not EARLIEST_US <= value <= LATEST_US:
            raise wrong(name, "microseconds within the years 1 to 9999", value)
        for unit, likely in _LIKELY.items():
            if value in likely:
                raise wrong(name, f"microseconds since 1970, not {unit}", value)
        return value
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return (moment - _EPOCH) // _MICROSECOND
    except (TypeError, ValueError, OverflowError) as error:
        wanted = "ISO 8601 with a zone, or whole microseconds since 1970"
        raise wrong(name, wanted, value) from error


def wrong(name: str, wanted: str, value: Any) -> ServingError:
    """The error of a field with a wrong value, of which only the beginning is shown."""
    return ServingError(
        f"Expected {name} to be {wanted}. Received: {name}={shown(value)}. Send that."
    )


def shown(value: Any) -> str:
    """The beginning of a value, for errors."""
    text = repr(value[:100]) if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:100]}..."


class Deriving:
    """Adds the derived fields that an instance reads to events that lack them.

    Args:
        fields: what the instance reads.
    """

    def __init__(self, fields: Iterable[str]):
        wanted = [name for name in fields if name in DERIVED]
        self._wanted = [(name, DERIVED[name].base) for name in wanted]

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        """Fills in the fields, in place; what an event says itself is left."""
        if not self._wanted:
            return
        for event in events:
            for name, base in self._wanted:
                if name not in event and base in event:
                    event[name] = derive(name, event[base])

"""PostHog's later capture protocol, put back into the form of the earlier one.

What the earlier form has among the properties stands elsewhere in it: typed options,
the session, and the library in a header. Both give the same events here. The answer
tells of each event what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.collect.event import BadRow, Event
from zap.collect.protocol import Parsed

PATH = "/i/v1/analytics/events"
_OPTIONS = {
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
    "product_tour_id": "$product_tour_id",
    "process_person_profile": "$process_person_profile",
}
_SESSION = {"session_id": "$session_id", "window_id": "$window_id"}


class Told(Parsed, frozen=True):
    """What a request holds, where its client wants to know of each event.

    Attributes:
        results: by the event's uuid.
    """

    results: Mapping[str, Mapping[str, str]] | None = None


def earlier_form(sent: Any, sdk: str) -> Any:
    """An event as the earlier protocol has it; what is no event stays as it is.

    Args:
        sent: the event.
        sdk: the client's header PostHog-Sdk-Info, NAME/VERSION.
    """
    if not isinstance(sent, dict):
        return sent
    properties = sent.get("properties")
    options = sent.get("options")
    if not isinstance(properties, dict) or not isinstance(options, dict):
        return sent
    library, _, version = sdk.partition("/")
    moved: dict[str, Any] = {
        "$lib": library or None,
        "$lib_version": version or None,
        **{_OPTIONS.get(str(key), str(key)): each for key, each in options.items()},
        **{name: sent.get(key) for key, name in _SESSION.items()},
    }
    given = {name: value for name, value in moved.items() if value is not None}
    gone = {"options", *_SESSION}
    kept = {name: value for name, value in sent.items() if name not in gone}
    return {**kept, "properties": {**given, **properties}}


def told(key: str | None, events: Sequence[Event], bad: Sequence[BadRow]) -> Told:
    """What a request holds, with the result of each event that has a uuid."""
    results: dict[str, Mapping[str, str]] = {
        event["event_id"]: {"result": "ok"} for event in events
    }
    for row in bad:
        own = row.payload.get("uuid") if isinstance(row.payload, dict) else None
        if isinstance(own, str):
            results[own] = {"result": "drop", "details": row.detail}
    return Told(key, events, bad, results)

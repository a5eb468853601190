"""Events held against what their client itself says that it has sent.

A plain loop over the client's message, which knows nothing of the collector's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

MOVED = {"messageId": "event_id", "userId": "user_id", "anonymousId": "anonymous_id"}
TYPES = {"page": "page_view", "screen": "screen_view"}
OURS = {"source", "received_at", "sent_at", "original_timestamp", "timestamp", "type"}
FIELDS = {*OURS, *MOVED.values(), "url", "referrer", "user_agent"}
CLOCK_S = 5
"""Between a call and its receipt; clients and collector share a clock here."""


def without_none(value: Any) -> Any:
    """A message as its client posts it: some leave out what is nothing."""
    if isinstance(value, Mapping):
        return {key: without_none(v) for key, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_none(each) for each in value]
    return value


def check_same(event: Mapping[str, Any], message: Mapping[str, Any]) -> None:
    """Each field of a message, where it must be in its event; and nothing else."""
    message, event = without_none(message), without_none(event)
    kind = message["type"]
    named = message["event"] if kind == "track" else TYPES.get(kind, kind)
    assert event["type"] == named
    moved = dict(MOVED)
    if kind == "alias" and "previousId" in message:
        moved |= {"previousId": "anonymous_id"}
        del moved["anonymousId"]
    times = ("timestamp", "originalTimestamp", "sentAt")
    for key, value in message.items():
        if key in moved:
            assert event[moved[key]] == value, key
        elif key == "context":
            check_context(event, value)
        elif key not in ("type", *times):
            assert event[key] == value, key
    happened = message.get("originalTimestamp") or message["timestamp"]
    assert event["original_timestamp"] == happened
    check_times(event, datetime.fromisoformat(happened))
    assert event["source"]
    others = event.keys() - message.keys() - FIELDS
    assert others <= {"_metadata", "traits"}, others


def check_context(event: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """The context, and the fields that are made of it."""
    kept = dict(event["context"])
    if event.get("user_agent"):
        assert kept.pop("ip") == "127.0.0.1"
    assert kept == context
    page = context.get("page", {})
    assert event.get("url") == page.get("url")
    assert event.get("user_agent") == context.get("userAgent")
    referrer = page.get("referrer")
    assert event.get("referrer") == (
        None if referrer == "$direct" else referrer or None
    )


def check_times(event: Mapping[str, Any], happened: datetime) -> None:
    """It happened when the client says, and was received a little later."""
    when, received = (
        datetime.fromtimestamp(event[name] / 1e6, UTC)
        for name in ("timestamp", "received_at")
    )
    if happened.tzinfo is None:
        happened = happened.replace(tzinfo=UTC)
    assert abs((when - happened).total_seconds()) < CLOCK_S
    assert when <= received


def check_all(
    events: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]]
) -> None:
    """All messages and no others, each once, whatever their order."""
    by_id = {event["event_id"]: event for event in events}
    assert len(by_id) == len(events)
    assert by_id.keys() == {message["messageId"] for message in messages}
    for message in messages:
        check_same(by_id[message["messageId"]], message)

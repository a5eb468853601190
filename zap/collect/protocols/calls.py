"""Makes events of calls: identify, track, page, screen, group and alias.

Segment made these six up, and RudderStack took them over. Types, times and ids follow
the rules by which its exports are read (`zap.events.segment_rows`), so that an event is
the same whether it came through Segment or straight here. A key that has no field of
its own stays as it came.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from zap.collect.event import CANONICAL, Event
from zap.collect.protocols.clocks import EARLIEST_US, corrected, micros

CALLS = {
    "identify": "identify",
    "track": "",  # its event's name
    "page": "page_view",
    "screen": "screen_view",
    "group": "group",
    "alias": "alias",
}
"""The calls, and the types of the events that they become."""

_MADE = {"original_timestamp", "sent_at", "event_id_made", "parameters"}
_OURS = frozenset({*CANONICAL, *_MADE} - {"type", "timestamp"})
_NOTHING: Mapping[str, Any] = {}
_PAGE = ("url", "referrer")
_EXACT = 1 << 53
"""From here on two ids of digits may be one number, which would make two events one."""


class UnfitError(ValueError):
    """A call that is no event; its arguments are a reason's name and its details."""


class Post(Struct):
    """What a request tells of all calls in it; made once, and not altered.

    Attributes:
        received_us: when it came, in microseconds since 1970.
        sent_at: when it was sent by the client's clock, as a text; None without.
        context, integrations: of calls that do not say otherwise themselves.
        user_agent, address: of a browser; empty for servers, whose own agent and
            address are no visitor's.
        sent_us: ``sent_at`` in microseconds since 1970; None where it is no time.
        adds: whether calls get something of it beside times.
    """

    received_us: int
    sent_at: Any = None
    context: Mapping[str, Any] | None = None
    integrations: Mapping[str, Any] | None = None
    user_agent: str = ""
    address: str = ""
    sent_us: int | None = None
    adds: bool = False

    def __post_init__(self) -> None:
        self.adds = bool(self.context or self.integrations or self.address)
        if self.sent_at is not None:
            with suppress(ValueError):
                self.sent_us = micros(self.sent_at)


def read_call(call: str | None, sent: Any, post: Post) -> Event:
    """The event of a call.

    Args:
        call: which it is, where its path says so; else its ``type`` does.
        sent: the call; it is not altered.
        post: what it came with.

    Raises:
        UnfitError: it is none.
    """
    if type(sent) is not dict:
        raise UnfitError("call", _told("an object", sent))
    event: Event = sent.copy()
    own_type = event.pop("type", None)
    call = call or own_type
    if "writeKey" in event:
        del event["writeKey"]
    if not _OURS.isdisjoint(event):  # they would look like ours
        event["parameters"] = {name: event.pop(name) for name in sent if name in _OURS}
    event["type"] = _type(call, sent)
    if not _move(event, "messageId", "event_id"):
        event["event_id"], event["event_id_made"] = str(uuid.uuid4()), True
    _set_people(event, call)
    _set_times(event, post)
    if post.adds:
        _add(event, post)
    _set_page(event, post)
    if call == "identify":
        _set_traits(event)
    return event


def _told(expected: str, received: object) -> str:
    text = repr(received)
    text = text if len(text) <= 200 else text[:200] + "..."
    return f"Expected {expected}. Received: {text}."


def _type(call: object, sent: Mapping[str, Any]) -> str:
    if call == "track":
        name = sent.get("event")
        if type(name) is str and name:
            return name
        raise UnfitError("event_name", _told("a text as the name of the event", name))
    if type(call) is not str or call not in CALLS:
        raise UnfitError("type", _told(f"as type one of {', '.join(CALLS)}", call))
    return CALLS[call]


def _move(event: Event, theirs: str, ours: str) -> bool:
    """Give an id its field, if it is one; what is none stays where it was."""
    value: Any = event.get(theirs)
    kind = type(value)
    if kind is str and value:
        event[ours] = value
    elif kind is int or (kind is float and abs(value) < _EXACT):
        event[ours] = str(value)
    else:
        return False
    del event[theirs]
    return True


def _set_people(event: Event, call: object) -> None:
    """Who made a call. An alias says that ``previousId`` is the user: it is linked."""
    known = _move(event, "userId", "user_id")
    if not (call == "alias" and _move(event, "previousId", "anonymous_id")):
        known |= _move(event, "anonymousId", "anonymous_id")
    elif not known:
        raise UnfitError("id", _told("userId, whom the alias is of", None))
    if not known:
        raise UnfitError("id", _told("userId or anonymousId", None))


def _set_times(event: Event, post: Post) -> None:
    """When it was received, and when it happened.

    A call with ``receivedAt`` comes from Segment's own exports or forwarding: its
    ``timestamp`` is right already, and ``sentAt`` of another journey.
    """
    received = event["received_at"] = post.received_us
    sent_at, sent_us = event.pop("sentAt", None), None
    if not sent_at:
        sent_at, sent_us = post.sent_at, post.sent_us
    own = event.pop("timestamp", None)
    original = event.pop("originalTimestamp", None)
    done = own is not None and event.get("receivedAt") is not None
    happened = own if done or original is None else original
    if own is not None and original is not None:
        event["parameters"] = {**event.get("parameters", {}), "timestamp": own}
    if sent_at is not None:
        event["sent_at"] = sent_at
    if happened is None:
        event["timestamp"] = received
        return
    event["original_timestamp"] = happened if original is None else original
    try:
        moment = micros(happened)
        if done:
            sent_us = None
        elif sent_us is None and sent_at is not None:
            sent_us = micros(sent_at)
    except ValueError as error:
        raise UnfitError("timestamp", _told("times in ISO 8601", str(error))) from error
    when = corrected(moment, sent_us, received)
    if moment < EARLIEST_US or when < EARLIEST_US:
        raise UnfitError("timestamp", _told("a time since 1900", happened))
    event["timestamp"] = when


def _add(event: Event, post: Post) -> None:
    """What the post says of all its calls, where the call does not say otherwise."""
    own = event.get("context")
    if own is None or type(own) is dict:
        if post.context:
            own = event["context"] = {**post.context, **(own or {})}
        if post.address and not (own and own.get("ip")):
            event["context"] = {**(own or {}), "ip": post.address}
    if post.integrations and "integrations" not in event:
        event["integrations"] = post.integrations


def _set_page(event: Event, post: Post) -> None:
    """Page and agent, from the context."""
    context = event.get("context")
    context = context if type(context) is dict else _NOTHING
    page, properties = context.get("page"), event.get("properties")
    page = page if type(page) is dict else _NOTHING
    properties = properties if type(properties) is dict else _NOTHING
    for name in _PAGE:
        value = page.get(name) or properties.get(name)
        if value and type(value) is str and value != "$direct":  # RudderStack's none
            event[name] = value
    agent = context.get("userAgent")
    agent = agent if agent and type(agent) is str else post.user_agent
    if agent:
        event["user_agent"] = agent


def _object(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else _NOTHING


def _set_traits(event: Event) -> None:
    """What identify tells of a user stands in ``traits``, whichever client told it.

    RudderStack's clients put it into the context alone.
    """
    traits = _object(_object(event.get("context")).get("traits"))
    if traits and not event.get("traits"):
        event["traits"] = traits

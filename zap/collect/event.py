"""An event as the collector keeps it: canonical fields, and all the rest nested.

The canonical fields are those of the schema, flat. Whatever else a client has sent
stays as JSON under the key that it came with (``properties``, ``traits``, ``context``),
so nothing is lost that a mapping may ask for later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]

TEXTS = ("event_id", "anonymous_id", "user_id", "url", "referrer", "user_agent")
TIMES = ("timestamp", "received_at")
CANONICAL = (*TEXTS, *TIMES, "type", "source", "sequence")
"""Fields that protocols and the collector set. ``event_id``, ``timestamp``,
``received_at`` (whole microseconds since 1970, UTC) and ``type`` are always there;
``source`` is set by the collector, ``sequence`` by the archive: the event's number in
the spool. Fields without a value are left out."""


@dataclass(frozen=True)
class BadRow:
    """Something that was sent and is no event, kept to be mended and replayed.

    Attributes:
        reason: a stable name, such as ``segment.no_event_name``.
        detail: for people: what was expected and what was received.
        payload: what was sent, as JSON of the client's own form or as text.
    """

    reason: str
    detail: str
    payload: Any

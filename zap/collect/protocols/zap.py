"""Zap's own protocol: canonical events as JSON, from its script and from any server.

``POST /v1/collect`` with ``{"key", "sent_at", "events": [...]}``, sent as JSON or as
text: a page's request as text needs no preflight, and ``sendBeacon`` sends nothing else
across origins. A sender that gets 2xx goes on; after 400 and 413 the same request can
never be taken; after 401, 403 and 404 none can until somebody changes a setting; after
all else it tries again. The script knows these numbers: a change here is one there.
The script itself is at ``/zap.js``, where pages load it, and needs no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Parsed, Reply, Request, Unaccepted
from zap.collect.protocols.json_bodies import json_reply, object_of
from zap.collect.protocols.many import check_many
from zap.collect.protocols.retry import retry_after
from zap.collect.protocols.zap_events import Sending, read_event
from zap.collect.script.serving import SCRIPT, TYPES, script_files

PATH = "/v1/collect"
MAX_SHOWN = 20
"""Bad rows of which the answer tells; all are counted and kept."""

_STATUSES = {
    Fate.NO_KEY: 401,
    Fate.MALFORMED: 400,
    Fate.TOO_LARGE: 413,
    Fate.TOO_MANY: 429,
    Fate.FULL: 503,
    Fate.FAILED: 503,
    Fate.NOT_FOUND: 404,
    Fate.ORIGIN: 403,
}


class Zap:
    """Zap's script, and whoever posts events as it does."""

    name = "zap"
    routes: Sequence[tuple[str, str]] = (
        ("POST", PATH),
        *((method, path) for path in (SCRIPT, TYPES) for method in ("GET", "HEAD")),
    )
    credentials = False
    max_body_bytes = 1 << 20
    max_event_bytes = 100_000

    def __init__(self) -> None:
        self._files = script_files()

    def parse(self, request: Request) -> Parsed:
        """The events of a request.

        Raises:
            Unaccepted: it is no JSON, or another shape as a whole.
        """
        if request.path in self._files:
            return Parsed(None)
        body = object_of(request.body)
        key = body.get("key")
        if not isinstance(key, str) or not key:
            raise Unaccepted(Fate.NO_KEY, "Expected the write key as text in key.")
        given = body.get("events")
        if not isinstance(given, list):
            raise Unaccepted(
                Fate.MALFORMED,
                'Expected {"key": KEY, "sent_at": TIME, "events": [EVENT, ...]}. '
                f"Received: events of type {type(given).__name__}.",
            )
        check_many(given)
        sending = Sending(
            request.received_us,
            body.get("sent_at"),
            _agent(request),
            self.max_event_bytes,
        )
        read = [read_event(one, sending) for one in given]
        bad = [one for one in read if isinstance(one, BadRow)]
        bad += _lost(body.get("lost"))
        return Parsed(key, [one for one in read if not isinstance(one, BadRow)], bad)

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        """How many are kept as events, how many as bad rows, and why; or a file."""
        if request.path in self._files:
            return self._files[request.path].reply(request.headers)
        told = [
            {"reason": row.reason, "detail": row.detail}
            for row in parsed.bad[:MAX_SHOWN]
        ]
        counts = {"events": len(parsed.events), "bad": len(parsed.bad)}
        return json_reply(200, {**counts, "reasons": told})

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        """A status at which a client stops or tries again, and the reason."""
        told = {"error": {"code": why.fate.value, "message": str(why)}}
        answer = json_reply(_STATUSES[why.fate], told)
        return Reply(answer.status, answer.body, [*answer.headers, *retry_after(why)])


def _agent(request: Request) -> str:
    """The browser that asks; a server's client says nothing of its visitors' agents."""
    if b"origin" not in request.headers:
        return ""
    return request.headers.get(b"user-agent", b"").decode("latin-1")


def _lost(count: Any) -> list[BadRow]:
    """What a browser could not keep until it could be sent, so that it is counted."""
    if type(count) is not int or count <= 0:
        return []
    detail = f"Expected all events of a browser. Received: {count} fewer than it made."
    return [BadRow("zap.lost", detail, {"lost": count})]

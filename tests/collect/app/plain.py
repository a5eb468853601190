"""A protocol as simple as can be, for tests of what all protocols share."""

from __future__ import annotations

import json
from typing import Any

from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Parsed, Reply, Request, Unaccepted

STATUSES = {
    Fate.NO_KEY: 401,
    Fate.MALFORMED: 400,
    Fate.TOO_LARGE: 413,
    Fate.TOO_MANY: 429,
    Fate.FULL: 503,
    Fate.FAILED: 500,
    Fate.NOT_FOUND: 404,
    Fate.ORIGIN: 403,
}


class Plain:
    """``{"key": KEY, "events": [EVENT, ...]}``; what is no object is a bad row."""

    name = "plain"
    routes = (("POST", "/plain"), ("GET", "/plain.js"), ("POST", "/plain/*"))
    credentials = True
    max_body_bytes = 4 << 20
    max_event_bytes = 64 << 10

    def parse(self, request: Request) -> Parsed:
        if request.method == "GET":
            return Parsed(None)
        try:
            said = json.loads(request.body)
            key, sent = said["key"], said["events"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Unaccepted(Fate.MALFORMED, type(error).__name__) from error
        if sent == "a defect":
            raise RuntimeError(said["visitor"])
        events: list[dict[str, Any]] = []
        bad = []
        for each in sent:
            if isinstance(each, dict):
                own = {
                    "received_at": request.received_us,
                    "timestamp": request.received_us,
                    "type": "seen",
                    "address": request.address,
                }
                events.append({**own, **each})
            else:
                bad.append(BadRow("plain.no_object", "", each))
        return Parsed(key, events, bad)

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        said = {"taken": len(parsed.events), "bad": len(parsed.bad)}
        return Reply(200, json.dumps(said).encode(), [(b"x-kind", b"plain")])

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        said = {"fate": why.fate.value, "message": str(why)}
        headers = []
        if why.retry_after_s:
            headers.append((b"retry-after", b"%d" % -(-why.retry_after_s // 1)))
        return Reply(STATUSES[why.fate], json.dumps(said).encode(), headers)


class Another(Plain):
    """A tool that took over the paths of another."""

    name = "another"
    routes = (("POST", "/plain"), ("POST", "/another"))
    credentials = False
    max_body_bytes = 1_000

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        return Reply(202)

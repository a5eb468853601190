"""One request on its way through the collector: what is known of it so far."""

from __future__ import annotations

import time

from zap.collect.app.taking import Taken
from zap.collect.protocol import Protocol, Reply, Request, Unaccepted
from zap.serving.api.access import path_of
from zap.serving.api.asgi import Scope
from zap.serving.api.body import Body


class Visit:
    """One request on its way.

    Args:
        scope: of ASGI.
        protocol: that speaks for it until its source is known.

    Attributes:
        taken: what is found of it.
        body: of it, once it is looked at.
    """

    __slots__ = ("began", "body", "headers", "received_us", "request", "scope", "taken")

    def __init__(self, scope: Scope, protocol: Protocol):
        self.began = time.perf_counter()
        self.received_us = time.time_ns() // 1000
        self.scope = scope
        self.headers = dict(scope["headers"])
        self.taken = Taken(protocol)
        self.body: Body | None = None
        self.request: Request | None = None

    def told(self, content: bytes = b"") -> Request:
        """The request, with what there is of its body."""
        if self.request is None:
            scope, client = self.scope, self.scope.get("client")
            self.request = Request(
                scope["method"],
                path_of(scope),
                scope["query_string"],
                self.headers,
                content,
                self.received_us,
                client[0] if client else "",
            )
        return self.request

    def refused(self, why: Unaccepted) -> Reply:
        """The protocol's answer where it is not taken."""
        return self.taken.protocol.refused(self.told(), why)

    def line(self, fate: str, source: str, reply: Reply | None) -> dict[str, object]:
        """What the log of requests says of it: nothing of a person's."""
        taken = self.taken
        return {
            "time": self.received_us,
            "protocol": taken.protocol.name,
            "source": source,
            "fate": fate,
            "status": 0 if reply is None else reply.status,
            "events": taken.events,
            "bad": len(taken.reasons),
            "ms": round(1000 * (time.perf_counter() - self.began), 3),
        }

"""RudderStack's HTTP API, as its clients for servers and for browsers use it.

It is Segment's with a few ways of its own: the client for browsers asks for the
source's configuration first (``/sourceConfig``), may leave its last calls to a beacon,
and its limits are wider. Clients stop at 4xx but 429, and try again after 5xx and when
nothing answers.

The paths of calls are Segment's too; whose a request is, its key's source says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.collect.protocol import Fate, Request
from zap.collect.protocols.segment import BATCHES, SINGLES, Segment
from zap.collect.protocols.write_keys import key_of

BEACON = "/beacon/v1/batch"
CONFIG = ("/sourceConfig", "/sourceConfig/")


class RudderStack(Segment):
    """The clients of RudderStack."""

    name = "rudderstack"
    routes: Sequence[tuple[str, str]] = (
        *(("POST", path) for path in (*SINGLES, *BATCHES, BEACON)),
        *(("GET", path) for path in CONFIG),
    )
    max_body_bytes = 4 << 20
    max_call_bytes = 4 << 20
    """That of a batch: its clients send larger calls than 32 kB, and only warn."""
    max_event_bytes = 8 << 20
    batches = (*BATCHES, BEACON)
    statuses: Mapping[Fate, int] = {**Segment.statuses, Fate.TOO_LARGE: 413}

    def asked(self, request: Request) -> str | None:
        """The key whose configuration a client asks for."""
        return key_of(request, {})

    def settings(self, request: Request, key: str) -> dict[str, Any]:
        """A source without other destinations, which reports nothing of itself."""
        off = {"enabled": False}
        return {
            "source": {
                "id": "zap",
                "name": "Zap",
                "workspaceId": "zap",
                "writeKey": key,
                "enabled": True,
                "config": {"statsCollection": {"errors": off, "metrics": off}},
                "destinations": [],
                "connections": [],
                "dataplanes": {},
            }
        }

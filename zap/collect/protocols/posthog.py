"""PostHog's capture protocol: what its clients for Python and Node.js post.

They send batches with the project's key in the body, or by option, to an address of
their later protocol, with the key as bearer, where the answer tells of each event what
became of it. They also ask for feature flags; here there are none, and the answer says
so, since without one each call would wait for its timeout.

Clients try again after 408, 429 and 5xx, and drop the batch at other statuses. That for
Node.js halves batches that get a 413.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Parsed, Reply, Request, Unaccepted
from zap.collect.protocols.json_bodies import json_reply, object_of
from zap.collect.protocols.many import check_many
from zap.collect.protocols.posthog_events import Sending, read_event
from zap.collect.protocols.posthog_v1 import PATH as LATER
from zap.collect.protocols.posthog_v1 import Told, earlier_form, told
from zap.collect.protocols.retry import retry_after

BATCHES = ("/batch/", "/batch", "/i/v0/ai/batch/")
SINGLES = ("/capture/", "/capture")
FLAGS = ("/flags/", "/flags", "/decide/", "/decide")
_ALL = (*BATCHES, *SINGLES, LATER, *FLAGS)
_NO_FLAGS = {
    "flags": {},
    "featureFlags": {},
    "featureFlagPayloads": {},
    "errorsWhileComputingFlags": False,
}

_STATUSES = {
    Fate.NO_KEY: (401, "authentication_error"),
    Fate.MALFORMED: (400, "validation_error"),
    Fate.TOO_LARGE: (413, "validation_error"),
    Fate.TOO_MANY: (429, "throttled_error"),
    Fate.FULL: (503, "server_error"),
    Fate.FAILED: (500, "server_error"),
    Fate.NOT_FOUND: (400, "validation_error"),  # a 404 would be tried again
    Fate.ORIGIN: (403, "permission_error"),
}


class PostHog:
    """The clients of PostHog."""

    name = "posthog"
    routes: Sequence[tuple[str, str]] = tuple(("POST", path) for path in _ALL)
    credentials = False
    max_body_bytes = 20 << 20
    max_event_bytes = 8 << 20

    def parse(self, request: Request) -> Parsed:
        """The events of a request.

        Raises:
            Unaccepted: the body is no batch, and no single event.
        """
        body = object_of(request.body)
        key = _key(request, body)
        if request.path in FLAGS:
            return Parsed(key)
        single = request.path in SINGLES and "batch" not in body
        batch = [_single(body)] if single else body.get("batch")
        if not isinstance(batch, list):
            raise Unaccepted(
                Fate.MALFORMED,
                'Expected {"api_key": KEY, "batch": [EVENT, ...]}. '
                f"Received: batch of type {type(batch).__name__}.",
            )
        check_many(batch)
        later = request.path == LATER
        if later:
            sdk = request.headers.get(b"posthog-sdk-info", b"").decode("latin-1")
            batch = [earlier_form(each, sdk) for each in batch]
        of_page = b"origin" in request.headers  # a server's address is nobody's
        address = request.address if of_page else ""
        sending = Sending(request.received_us, _sent_at(request, body), address)
        read = [read_event(each, sending) for each in batch]
        events = [event for event in read if isinstance(event, dict)]
        bad = [row for row in read if isinstance(row, BadRow)]
        return told(key, events, bad) if later else Parsed(key, events, bad)

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        """The answer that makes a client go on."""
        if request.path in FLAGS:
            return json_reply(200, _NO_FLAGS)
        if isinstance(parsed, Told):
            return json_reply(200, {"results": parsed.results})
        return json_reply(200, {"status": "Ok"})

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        """A status at which clients stop, or try again, and the reason as JSON."""
        status, kind = _STATUSES[why.fate]
        said = {"type": kind, "code": why.fate.value, "detail": str(why)}
        answer = json_reply(status, said)
        return Reply(answer.status, answer.body, [*answer.headers, *retry_after(why)])


def _key(request: Request, body: dict[str, Any]) -> str | None:
    """The project's key: in the body, or the header Authorization."""
    kind, _, token = request.headers.get(b"authorization", b"").partition(b" ")
    bearer = token.decode("latin-1").strip() if kind.lower() == b"bearer" else None
    for key in (body.get("api_key"), body.get("token"), bearer):
        if isinstance(key, str) and key:
            return key
    return None


def _single(body: dict[str, Any]) -> dict[str, Any]:
    around = ("api_key", "token", "sent_at")
    return {key: value for key, value in body.items() if key not in around}


def _sent_at(request: Request, body: dict[str, Any]) -> Any:
    header = request.headers.get(b"posthog-request-timestamp", b"").decode("latin-1")
    return body.get("sent_at") or header or None

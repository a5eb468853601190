"""Snowplow's collector protocol: what its trackers post, or put into a pixel's query.

Snowplow knows no write keys. Here a source lists the app ids of its trackers among its
keys, so that a tracker is only pointed to another host; or its key stands in the path,
``/sp/KEY/...``, or in the query, ``?key=KEY``, and the app id is just a field.

Trackers stop at 400, 401, 403, 410 and 422, and try again after everything else. So
what can never be taken is answered by those alone: a tracker would repeat a 413, and
with it all that waits behind, for ever.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from zap.collect.event import BadRow, Event
from zap.collect.protocol import Fate, Header, Parsed, Reply, Request, Unaccepted
from zap.collect.protocols.json_bodies import json_of
from zap.collect.protocols.many import check_many
from zap.collect.protocols.retry import retry_after
from zap.collect.protocols.snowplow_cookie import network_id, set_cookie
from zap.collect.protocols.snowplow_events import Visit, read_event

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
PIXEL_PATH = "/i"
KEYED = "/sp/"
PIXEL = base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
_ENVELOPE = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-"
_MAX_PARAMETERS = 1_000
_UNCACHED: Header = (b"cache-control", b"no-cache, no-store, must-revalidate")

_STATUSES = {
    Fate.NO_KEY: 401,
    Fate.MALFORMED: 400,
    Fate.TOO_LARGE: 400,
    Fate.TOO_MANY: 429,
    Fate.FULL: 503,
    Fate.FAILED: 500,
    Fate.NOT_FOUND: 410,
    Fate.ORIGIN: 403,
}


class Visited(Parsed, frozen=True):
    """What a request of a tracker holds.

    Attributes:
        network_id: of the visitor, for the cookie; None where it is not to be known.
    """

    network_id: str | None = None


class Snowplow:
    """The clients of Snowplow, by POST and by GET."""

    name = "snowplow"
    routes: Sequence[tuple[str, str]] = (
        ("POST", POST_PATH),
        ("GET", PIXEL_PATH),
        ("POST", KEYED + "*"),
        ("GET", KEYED + "*"),
    )
    credentials = True
    max_body_bytes = 1 << 20
    max_event_bytes = 1 << 20

    def parse(self, request: Request) -> Visited:
        """The events of a request.

        Events that name another app id than the first one are bad rows: their source
        would be a guess. A key in the path or query makes app ids mere fields.

        Raises:
            Unaccepted: the body is no batch of events.
        """
        query = _query(request.query)
        key = _key_in_path(request.path) or query.pop("key", "")
        visitor = network_id(request.headers)
        visit = _visit(request, visitor)
        if request.method == "POST":
            batch = _batch(request.body)
            self._check_size(request, batch)
            sent = [_with(query, each) for each in batch]
        else:
            sent = [query]
        read = [(each, read_event(each, visit)) for each in sent]
        if not key:
            key, read = _by_app_id(read)
        return Visited(
            key=key or None,
            events=[event for _, event in read if isinstance(event, dict)],
            bad=[row for _, row in read if isinstance(row, BadRow)],
            network_id=visitor,
        )

    def _check_size(self, request: Request, batch: Sequence[Any]) -> None:
        """See that events with the query, which each of them takes, are no more.

        Raises:
            Unaccepted: they are.
        """
        check_many(batch)
        size = len(request.body) + len(request.query) * len(batch)
        if size > self.max_body_bytes:
            raise Unaccepted(
                Fate.TOO_LARGE,
                f"Expected at most {self.max_body_bytes} bytes, the query counted with "
                f"each event. Received: {size}. Send fewer at once.",
            )

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        """The pixel, or "ok", with the visitor's cookie."""
        headers = [_UNCACHED]
        if isinstance(parsed, Visited) and parsed.network_id is not None:
            headers.append(set_cookie(parsed.network_id, request.headers))
        if request.method == "POST":
            return Reply(200, b"ok", [(b"content-type", b"text/plain"), *headers])
        return Reply(200, PIXEL, [(b"content-type", b"image/gif"), *headers])

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        """A status at which trackers stop, or try again, and the reason as a text."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), *retry_after(why)]
        return Reply(_STATUSES[why.fate], str(why).encode(), headers)


def _query(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("latin-1"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as error:
        raise Unaccepted(
            Fate.MALFORMED,
            f"Expected a query of at most {_MAX_PARAMETERS} parameters in UTF-8. "
            f"Received: {error}.",
        ) from error
    return dict(pairs)


def _key_in_path(path: str) -> str:
    if not path.startswith(KEYED):
        return ""
    return path.removeprefix(KEYED).partition("/")[0]


def _visit(request: Request, visitor: str | None) -> Visit:
    headers = request.headers
    return Visit(
        received_us=request.received_us,
        address="" if b"sp-anonymous" in headers else request.address,
        user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
        page=headers.get(b"referer", b"").decode("latin-1"),
        network_id=visitor,
    )


def _batch(body: bytes) -> list[Any]:
    """The sets of parameters in a body.

    Raises:
        Unaccepted: it is another JSON, or none.
    """
    envelope = json_of(body)
    if isinstance(envelope, dict):
        data = envelope.get("data")
        known = str(envelope.get("schema")).startswith(_ENVELOPE)
        if known and isinstance(data, list) and data:
            return data
    raise Unaccepted(
        Fate.MALFORMED,
        f'Expected {{"schema": "{_ENVELOPE}0-4", "data": [EVENT, ...]}} with at least '
        "one event. Received: other JSON. Point trackers of Snowplow here, and "
        "webhooks elsewhere.",
    )


def _with(query: Mapping[str, str], sent: Any) -> Any:
    return {**query, **sent} if query and isinstance(sent, dict) else sent


def _by_app_id(
    read: Sequence[tuple[Any, Event | BadRow]],
) -> tuple[str, list[tuple[Any, Event | BadRow]]]:
    """The app id that a request's events agree on, and the events."""
    key = ""
    kept: list[tuple[Any, Event | BadRow]] = []
    for sent, event in read:
        own = str(sent.get("aid") or "") if isinstance(sent, dict) else ""
        key = key or own
        if own not in ("", key) and isinstance(event, dict):
            detail = (
                f"Expected one app id in a request. Received: aid={own!r} after "
                f"{key!r}. Give each app id an emitter of its own, or the key in the "
                "collector's path (/sp/KEY)."
            )
            event = BadRow("snowplow.app_id", detail, sent)
        kept.append((sent, event))
    return key, kept

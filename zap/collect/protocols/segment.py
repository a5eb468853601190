"""Segment's tracking API, as its clients for servers and for browsers use it.

Each call has its path, long (``/v1/track``) and short (``/v1/t``, of browsers), and so
have batches. The client for browsers asks for a source's settings first, which a CDN of
Segment has: here they say that there are no other destinations, and that calls go to
where the settings came from.

Clients stop at 4xx but 408, 410, 429 and 460, and try again after 5xx and when nothing
answers. They take a 3xx for success, so there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from zap.collect.event import BadRow
from zap.collect.protocol import Fate, Header, Parsed, Reply, Request, Unaccepted
from zap.collect.protocols.calls import CALLS, Post
from zap.collect.protocols.posted_calls import (
    read_calls,
    read_envelope,
    read_few,
    read_object,
    read_sent,
)
from zap.collect.protocols.retry import retry_after
from zap.collect.protocols.write_keys import key_of

BATCHES = ("/v1/batch", "/v1/b", "/v1/import")
SINGLES = {f"/v1/{call}": call for call in CALLS} | {
    f"/v1/{call[0]}": call for call in CALLS
}
SETTINGS, SETTINGS_END = "/v1/projects/", "/settings"
_JSON: Header = (b"content-type", b"application/json")
_STATUSES: Mapping[Fate, int] = {
    Fate.NO_KEY: 401,
    Fate.MALFORMED: 400,
    Fate.TOO_LARGE: 400,
    Fate.TOO_MANY: 429,
    Fate.FULL: 503,
    Fate.FAILED: 500,
    Fate.NOT_FOUND: 404,
    Fate.ORIGIN: 403,
}


class Segment:
    """The clients of Segment."""

    name = "segment"
    routes: Sequence[tuple[str, str]] = (
        *(("POST", path) for path in (*SINGLES, *BATCHES)),
        ("GET", f"{SETTINGS}*"),
    )
    credentials = False
    max_body_bytes = 500 << 10
    max_call_bytes = 32 << 10
    max_event_bytes = 66 << 10
    """Of what a call becomes: its page's address, or its traits, stand in it twice."""
    batches: Sequence[str] = BATCHES
    statuses = _STATUSES

    def parse(self, request: Request) -> Parsed:
        """The events of a request.

        Raises:
            Unaccepted: the body is no call or batch, or a call is too large.
        """
        if request.method == "GET":
            return Parsed(self.asked(request))
        if request.path in self.batches:
            return self._batch(request)
        return self._single(request)

    def asked(self, request: Request) -> str | None:
        """The key whose settings a client asks for.

        Raises:
            Unaccepted: it asks for something else.
        """
        key = request.path.removeprefix(SETTINGS).removesuffix(SETTINGS_END)
        if request.path != f"{SETTINGS}{key}{SETTINGS_END}" or "/" in key:
            raise Unaccepted(
                Fate.NOT_FOUND, f"Expected {SETTINGS}KEY{SETTINGS_END} as path."
            )
        return key

    def settings(self, request: Request, key: str) -> dict[str, Any]:
        """What a client is told that asks for its source's settings."""
        return segment_settings(request.headers, key)

    def accepted(self, request: Request, parsed: Parsed) -> Reply:
        """Settings where they were asked for; else that all went well."""
        if request.method == "GET":
            told = self.settings(request, parsed.key or "")
            private = (b"cache-control", b"private, max-age=60")  # it names this host
            return Reply(200, orjson.dumps(told), [_JSON, private])
        return Reply(200, b'{"success": true}', [_JSON])

    def refused(self, request: Request, why: Unaccepted) -> Reply:
        """A status at which clients stop, or try again; ``code`` and ``message``."""
        told = {"code": why.fate.value, "message": str(why)}
        headers = [_JSON, *retry_after(why)]
        return Reply(self.statuses[why.fate], orjson.dumps(told), headers)

    def _single(self, request: Request) -> Parsed:
        text = request.body
        if len(text) > self.max_call_bytes:
            raise Unaccepted(
                Fate.TOO_LARGE,
                f"Expected a call of at most {self.max_call_bytes} bytes. "
                f"Received: {len(text)}. Send less with it.",
            )
        sent = read_object(text)
        call = SINGLES[request.path]
        read = read_sent(self.name, call, sent, text, _post(request, {}))
        key = key_of(request, sent)
        if isinstance(read, BadRow):
            return Parsed(key, bad=(read,))
        return Parsed(key, (read,))

    def _batch(self, request: Request) -> Parsed:
        few = read_few(request.body, self.max_call_bytes)
        about, calls = few if few is not None else read_envelope(request.body)
        key = key_of(request, about)
        post = _post(request, about)
        if few is not None:
            read = [read_sent(self.name, None, each, b"", post) for each in calls]
        else:
            read = list(read_calls(self.name, calls, post, self.max_call_bytes))
        events = [each for each in read if type(each) is dict]
        if len(events) == len(read):
            return Parsed(key, events)
        return Parsed(key, events, [each for each in read if isinstance(each, BadRow)])


def _post(request: Request, about: Mapping[str, Any]) -> Post:
    agent = request.headers.get(b"user-agent", b"")
    browser = agent.startswith(b"Mozilla/")
    context, integrations = about.get("context"), about.get("integrations")
    return Post(
        request.received_us,
        about.get("sentAt"),
        context if isinstance(context, dict) else None,
        integrations if isinstance(integrations, dict) else None,
        agent.decode("latin-1") if browser else "",
        request.address if browser else "",
    )


def segment_settings(headers: Mapping[bytes, bytes], key: str) -> dict[str, Any]:
    """The settings of a source without other destinations, for browsers.

    They name the host that the browser asked, since the client would post to Segment's
    own where they name none. The scheme is what a proxy in front says, else that of the
    page: one of https can ask no other.
    """
    host = headers.get(b"host", b"").decode("latin-1")
    page = headers.get(b"origin") or headers.get(b"referer", b"")
    told = headers.get(b"x-forwarded-proto", page.partition(b":")[0])
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": "http" if told == b"http" else "https",
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "metrics": {"sampleRate": 0},  # the client's own, for Segment
        "remotePlugins": [],
        "legacyVideoPluginsEnabled": False,
    }

"""What browsers are told: which pages may post, and read the answer.

A page's origin is answered with itself, never with ``*``, so that credentials can be
allowed where a protocol's clients send cookies. A preflight comes without a key: it is
answered by whether any source lists its origin, which tells no more than trying would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from zap.collect.app.routes import Path
from zap.collect.app.sources import Source, Sources
from zap.collect.protocol import Header, Protocol

VARY = (b"vary", b"Origin")
PREFLIGHT_AGE_S = 600
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9_, -]{1,1000}")


def answer_headers(
    sources: Sources, source: Source | None, protocol: Protocol, origin: bytes | None
) -> list[Header]:
    """What an answer to a page says, also one that refuses it."""
    if origin is None:
        return [VARY]
    if source is None:
        listed = sources.list_origin(origin, (protocol.name,))
    else:
        listed = source.lists(origin)
    if not listed:
        return [VARY]
    exposed = (b"access-control-expose-headers", b"retry-after")
    return [VARY, *_allowed(origin, protocol.credentials), exposed]


def preflight_headers(
    sources: Sources, path: Path, headers: Mapping[bytes, bytes]
) -> list[Header]:
    """What a browser is told that asks whether a page may post."""
    allow = ", ".join([*path.methods, "OPTIONS"]).encode()
    origin = headers.get(b"origin")
    if origin is None or b"access-control-request-method" not in headers:
        return [VARY, (b"allow", allow)]
    if not sources.list_origin(origin, [one.name for one in path.protocols]):
        return [VARY]
    found = [
        VARY,
        *_allowed(origin, any(one.credentials for one in path.protocols)),
        (b"access-control-allow-methods", allow),
        (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
    ]
    asked = headers.get(b"access-control-request-headers", b"")
    if _HEADER_NAMES.fullmatch(asked):
        found.append((b"access-control-allow-headers", asked))
    return found


def _allowed(origin: bytes, credentials: bool) -> list[Header]:
    found = [(b"access-control-allow-origin", origin)]
    if credentials:
        found.append((b"access-control-allow-credentials", b"true"))
    return found

"""Where clients of Segment's kind put a source's write key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from zap.collect.protocol import Request

HEADER = b"x-write-key"
QUERY = "writeKey"


def key_of(request: Request, body: Mapping[str, Any]) -> str | None:
    """The key that a request names; None where it names none.

    The body goes first: with OAuth the header Authorization holds a token that is no
    write key. Then come that header (Basic, with the key as user, or Bearer), the
    query, which is all that a beacon can set, and ``X-Write-Key``.
    """
    own = body.get("writeKey")
    if type(own) is str and own:
        return own
    return (
        _authorized(request.headers.get(b"authorization", b""))
        or key_in_query(request.query)
        or request.headers.get(HEADER, b"").decode("latin-1").strip()
        or None
    )


def key_in_query(query: bytes) -> str | None:
    """The key in a query, or None."""
    if not query:
        return None
    try:
        found = parse_qs(query.decode("latin-1"), max_num_fields=100)
    except ValueError:
        return None
    return found.get(QUERY, [None])[-1]


def _authorized(header: bytes) -> str | None:
    kind, _, token = header.partition(b" ")
    token = token.strip()
    if kind.lower() == b"bearer":
        return token.decode("latin-1") or None
    if kind.lower() != b"basic":
        return None
    try:
        user = base64.b64decode(token, validate=True).partition(b":")[0]
        return user.decode() or None
    except (binascii.Error, ValueError):
        return None

"""What browsers are told: which pages may read an answer.

A page's origin is answered with itself, never with ``*``, and only where a publishable
key lists exactly that origin. Cookies play no part, so credentials are never allowed. A
preflight comes without a key: it is answered by whether any key lists its origin, which
tells no more than trying would. ``Vary: Origin`` keeps caches from giving one page's
answer to another.
"""

from __future__ import annotations

from zap.serving.api.keyring import Keyring
from zap.serving.api.limits import is_loopback

Headers = list[tuple[bytes, bytes]]
VARY = (b"vary", b"Origin")
PREFLIGHT_AGE_S = 600
ASKED_HEADERS = b"authorization, content-type, zap-visitor"
EXPOSED_HEADERS = b"retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset"


def answer_headers(ring: Keyring, origin: bytes | None) -> Headers:
    """What an answer to a page says, also one that refuses it."""
    if origin is None or not lists(ring, origin):
        return [VARY]
    return [
        VARY,
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", EXPOSED_HEADERS),
    ]


def preflight_headers(origin: bytes) -> Headers:
    """What a preflight of a listed origin is told."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", ASKED_HEADERS),
        (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
    ]


def lists(ring: Keyring, origin: bytes) -> bool:
    """Whether a key lists an origin, byte by byte."""
    return ring.lists_origin(origin.decode("latin-1"))


def is_local_host(host: bytes | None) -> bool:
    """Whether a Host header, or the rest of an origin, names this machine.

    A server without keys trusts whoever reaches it. A page that a browser was told is
    on another name of 127.0.0.1 (DNS rebinding) reaches it, but names that name.
    """
    name = (host or b"").decode("latin-1").lower()
    bare = name.rpartition(":")[0] if not name.endswith("]") and ":" in name else name
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return bare == "localhost" or is_loopback(bare)


def is_local_origin(origin: bytes) -> bool:
    """Whether a page comes from this machine."""
    scheme, separator, host = origin.partition(b"://")
    return bool(separator) and scheme in (b"http", b"https") and is_local_host(host)

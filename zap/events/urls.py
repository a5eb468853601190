"""Takes addresses apart, tolerantly and within bounds.

Raw events hold whatever a browser, a scraper or a broken tag sent as a URL, so nothing
here raises and nothing grows with the input: longer texts are cut, further segments
and keys are left out. The bounds are part of the encoding of an event (a longer bound
gives other hash buckets), so changing them changes fingerprints.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

MAX_URL_CHARS = 2048
MAX_KEPT_CHARS = 256  # of an address that is remembered: at most 32 MB in all
MAX_SEGMENTS = 32
MAX_QUERY_KEYS = 64

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[^\s/?#@\\]+")


@dataclass(frozen=True)
class Url:
    """The parts of an address that a model may look at.

    Attributes:
        host: lower case, without user, port and a final dot; None if there is none.
        path: from the first slash, without query and fragment; None for an empty
            address. "/" where an address has a host and nothing after it.
        segments: the decoded parts of the path, empty ones left out.
        query_keys: the decoded names of the query, each once, in order.
    """

    host: str | None = None
    path: str | None = None
    segments: tuple[str, ...] = ()
    query_keys: tuple[str, ...] = ()


def parse_url(text: str) -> Url:
    """Take an address apart; a relative one has no host.

    Args:
        text: the address, absolute ("https://shop.example/a?b=c"), without scheme
            ("//shop.example/a") or relative ("/a?b=c").

    Returns:
        Its parts; empty ones where nothing can be recognised. Never raises.
    """
    return _remembered(text) if len(text) <= MAX_KEPT_CHARS else _taken_apart(text)


@functools.lru_cache(maxsize=32_768)
def _remembered(text: str) -> Url:
    """Addresses come again: in the next field, batch and shard."""
    return _taken_apart(text)


def _taken_apart(text: str) -> Url:
    rest = text[:MAX_URL_CHARS].strip()
    if not rest:
        return Url()
    rest, _, _ = rest.partition("#")
    rest, _, query = rest.partition("?")
    host, path = _split_host(rest)
    segments = _bounded((unquote(part) for part in path.split("/")), MAX_SEGMENTS)
    return Url(host, path or None, segments, _query_keys(query))


def _split_host(rest: str) -> tuple[str | None, str]:
    """The host, and the path behind it."""
    scheme = _SCHEME.match(rest)
    if scheme:
        authority = rest[scheme.end() :]
    elif rest.startswith("//"):
        authority = rest[2:]
    else:
        return None, rest
    authority, slash, path = authority.partition("/")
    return _clean_host(authority), (slash + path) or "/"


def _clean_host(authority: str) -> str | None:
    """The host of an authority: no user, no port, lower case."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        host = host.partition("]")[0] + "]"
    else:
        host = host.partition(":")[0]
    host = host.rstrip(".").lower()
    return host if _HOST.fullmatch(host) else None


def _query_keys(query: str) -> tuple[str, ...]:
    """The distinct names of a query."""
    if not query:
        return ()
    pairs = query.split("&")
    names = (unquote(pair.partition("=")[0].replace("+", " ")) for pair in pairs)
    return _bounded(dict.fromkeys(names), MAX_QUERY_KEYS)


def _bounded(parts: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first ``limit`` texts that are not empty."""
    kept: list[str] = []
    for part in parts:
        if part:
            kept.append(part)
            if len(kept) == limit:
                break
    return tuple(kept)

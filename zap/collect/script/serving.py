"""Serves the script and its types to whoever asks: they hold nothing of a site.

Both are made once, small and compressed, when the collector starts. A page of any
origin may load them, also one that isolates itself or checks the script's hash; the
address is stable, so browsers ask again each hour, and mostly hear that nothing is new.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from zap.collect.script.small import small

Headers = list[tuple[bytes, bytes]]
Send = Callable[[Any], Awaitable[None]]

SCRIPT, TYPES = "/zap.js", "/zap.d.ts"
PATHS = (SCRIPT, TYPES)
_KINDS = {
    SCRIPT: b"text/javascript; charset=utf-8",
    TYPES: b"text/plain; charset=utf-8",
}
_HEADERS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"public, max-age=3600"),
    (b"vary", b"accept-encoding"),
]


@dataclass(frozen=True)
class File:
    """A file as it is served.

    Attributes:
        content: plain.
        packed: the same as gzip.
        kind: media type.
    """

    content: bytes
    packed: bytes
    kind: bytes

    @classmethod
    def of(cls, content: bytes, kind: bytes) -> File:
        """A file, packed without a time, so that it is the same at each start."""
        return cls(content, gzip.compress(content, mtime=0), kind)

    def answer(self, asked: Mapping[bytes, bytes]) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a request's headers."""
        pack = b"gzip" in asked.get(b"accept-encoding", b"").lower()
        body = self.packed if pack else self.content
        tag = b'"%s"' % hashlib.blake2b(body, digest_size=8).hexdigest().encode()
        headers = [*_HEADERS, (b"content-type", self.kind), (b"etag", tag)]
        if asked.get(b"if-none-match") == tag:
            return 304, headers, b""
        if pack:
            headers.append((b"content-encoding", b"gzip"))
        return 200, [*headers, (b"content-length", b"%d" % len(body))], body


class ScriptFiles:
    """An ASGI application that answers at ``PATHS``; to be asked for nothing else."""

    def __init__(self) -> None:
        folder = files("zap.collect.script")
        script = small(folder.joinpath("zap.js").read_text("utf-8"))
        types = folder.joinpath("zap.d.ts").read_bytes()
        self.files = {
            SCRIPT: File.of(script.encode(), _KINDS[SCRIPT]),
            TYPES: File.of(types, _KINDS[TYPES]),
        }

    async def __call__(self, scope: Mapping[str, Any], _: Any, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] in ("GET", "HEAD"):
            file = self.files[scope["path"]]
            status, headers, body = file.answer(dict(scope["headers"]))
        else:
            status, headers, body = 405, [(b"allow", b"GET, HEAD")], b""
        if scope["method"] == "HEAD":
            body = b""
        start = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

"""The script and its types as a protocol serves them: they hold nothing of a site.

Both are made once, small and compressed, when the collector starts. Any page may load
them as scripts are loaded, also one that isolates itself. The address is stable, so
browsers ask again each hour, and mostly hear that nothing is new.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from zap.collect.protocol import Header, Reply
from zap.collect.script.small import small

SCRIPT, TYPES = "/zap.js", "/zap.d.ts"
_KINDS = {
    SCRIPT: b"text/javascript; charset=utf-8",
    TYPES: b"text/plain; charset=utf-8",
}
_HEADERS: list[Header] = [
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

    def reply(self, headers: Mapping[bytes, bytes]) -> Reply:
        """The answer to a request with these headers."""
        pack = b"gzip" in headers.get(b"accept-encoding", b"").lower()
        body = self.packed if pack else self.content
        tag = b'"%s"' % hashlib.blake2b(body, digest_size=8).hexdigest().encode()
        told = [*_HEADERS, (b"content-type", self.kind), (b"etag", tag)]
        if headers.get(b"if-none-match") == tag:
            return Reply(304, b"", told)
        if pack:
            told.append((b"content-encoding", b"gzip"))
        return Reply(200, body, told)


def script_files() -> dict[str, File]:
    """What is served, by its path."""
    folder = files("zap.collect.script")
    script = small(folder.joinpath("zap.js").read_text("utf-8"))
    types = folder.joinpath("zap.d.ts").read_bytes()
    return {
        SCRIPT: File.of(script.encode(), _KINDS[SCRIPT]),
        TYPES: File.of(types, _KINDS[TYPES]),
    }

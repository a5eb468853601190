"""Why a request is not answered, and what it is told: always the same small JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

Header = tuple[bytes, bytes]
JSON = (b"content-type", b"application/json")
CHALLENGE = (b"www-authenticate", b'Bearer realm="zap"')


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: of HTTP.
        code: for programs.
        message: for people: what was expected, and the fix. Nothing of what was sent.
        reason: under which it is counted; None is not counted.
        headers: that the answer carries besides.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        reason: str | None = None,
        headers: Sequence[Header] = (),
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.headers = tuple(headers)

    @property
    def body(self) -> bytes:
        """The answer's body."""
        said = {"error": {"code": self.code, "message": str(self)}}
        return json.dumps(said).encode()


class Disconnected(Exception):
    """The client went away before its body was whole."""


def no_key(code: str = "no_key") -> Refused:
    """A key is missing, unknown or revoked: which of the last two is not said."""
    said = {
        "no_key": "Expected a key in the header 'Authorization: Bearer KEY'.",
        "bad_key": "Expected a key of this server. This one is unknown or revoked.",
    }
    return Refused(401, code, said[code], code, [CHALLENGE])


def no_visitor(code: str, message: str) -> Refused:
    """The key is good, but who asks is not said, or no longer."""
    return Refused(401, code, message, "visitor", [CHALLENGE])


def forbidden(code: str, message: str, reason: str) -> Refused:
    """The key is good, but not for this."""
    return Refused(403, code, message, reason)


def too_large(limit_bytes: int) -> Refused:
    """A body is longer than may be."""
    return Refused(
        413,
        "too_large",
        f"Expected a body of at most {limit_bytes} bytes. Send less at once.",
        "too_large",
    )


def slow_body(timeout_s: float) -> Refused:
    """A body did not come in time."""
    return Refused(
        408,
        "slow_body",
        f"Expected the whole body within {timeout_s:g} seconds.",
        "slow_body",
    )


def encoded_body() -> Refused:
    """A body is compressed."""
    return Refused(
        415,
        "encoding",
        "Expected a body without Content-Encoding. Send it as it is.",
        "encoding",
        [(b"accept-encoding", b"identity")],
    )


def busy(reason: str, retry_after_s: float) -> Refused:
    """The server has no room now."""
    return Refused(
        503,
        "busy",
        "The server is full. Try again after the seconds of Retry-After.",
        reason,
        [retry_after(retry_after_s)],
    )


def retry_after(seconds: float) -> Header:
    """After how many whole seconds to come again: at least one."""
    return (b"retry-after", str(max(1, math.ceil(seconds))).encode())

"""The few things that endpoints need of ASGI: read a body, write an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from zap.serving.api.refusals import JSON, Disconnected, Header, Refused, too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_body(scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """The body of a request.

    Raises:
        Refused: 413 where it is too long, before it is read whole; 415 where it is not
            said to be JSON, as a page of another site could send it unasked.
        Disconnected: the client went away.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or int(value) > limit_bytes:
                raise too_large(limit_bytes)
        elif name == b"content-type":
            kind = value
            break
    else:
        kind = _header(scope, b"content-type")
    if kind.split(b";", 1)[0].strip().lower() != JSON[1]:
        raise Refused(
            415,
            "content_type",
            "Expected the header Content-Type: application/json.",
            "content_type",
        )
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
        return body
    return await _rest(body, receive, limit_bytes)


async def _rest(body: bytes, receive: Receive, limit_bytes: int) -> bytes:
    parts, size = [body], len(body)
    while size <= limit_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body", False):
            break
    if size > limit_bytes:
        raise too_large(limit_bytes)
    return b"".join(parts)


def _header(scope: Scope, wanted: bytes) -> bytes:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return b""


async def answer(
    send: Send,
    status: int,
    body: bytes,
    headers: Sequence[Header] = (),
    kind: Header = JSON,
) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [kind, length, *headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})

"""The few things that endpoints need of ASGI: read a body, write an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from zap.serving.api.refusals import JSON, Disconnected, Header, Refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The body of a request, which the gate has bounded and made whole.

    Raises:
        Refused: 415 where it is not said to be JSON: a page of another site could send
            anything else unasked.
        Disconnected: the client went away.
    """
    kind = next((v for name, v in scope["headers"] if name == b"content-type"), b"")
    if kind != JSON[1] and kind.split(b";", 1)[0].strip().lower() != JSON[1]:
        raise Refused(
            415, "content_type", "Expected the header Content-Type: application/json."
        )
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


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

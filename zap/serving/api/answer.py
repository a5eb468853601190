"""Answers on their way out: the application's, and those of the gate itself."""

from __future__ import annotations

from collections.abc import Sequence

from zap.serving.api.body import Body, Message, Send
from zap.serving.api.refusals import JSON, Header, Refused


class Answer:
    """What is sent, with the gate's headers, and how it ended.

    Args:
        send: of ASGI.
        headers: that every answer to this request carries.
    """

    def __init__(self, send: Send, headers: list[Header]):
        self._send = send
        self.headers = headers
        self.status = 500
        self.started = False

    async def send(self, message: Message) -> None:
        """ASGI's send, for the application."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            if self.headers:
                message["headers"] = [*message.get("headers", ()), *self.headers]
        await self._send(message)

    async def send_all(
        self, status: int, headers: Sequence[Header], content: bytes = b""
    ) -> None:
        """A whole answer."""
        await self._start(status, headers, content)
        await self._send({"type": "http.response.body", "body": content})

    async def refuse(self, refused: Refused, body: Body | None) -> None:
        """An answer that says why not."""
        if self.started:
            return
        headers = [JSON, *refused.headers]
        await self.end(refused.status, headers, refused.body, body)

    async def end(
        self, status: int, headers: Sequence[Header], content: bytes, body: Body | None
    ) -> None:
        """A whole answer, though the request's body may not have come to its end."""
        if body is None or not body.must_close:
            await self.send_all(status, headers, content)
            return
        await self._start(status, [*headers, (b"connection", b"close")], content)
        await self._send(
            {"type": "http.response.body", "body": content, "more_body": True}
        )
        if not body.late:
            await body.linger()
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, body: Body | None) -> None:
        """An answer that says that the defect is ours."""
        if self.started:
            self.status = 500
            return
        said = Refused(500, "internal", "The server failed. The defect is its own.")
        await self.refuse(said, body)

    async def _start(
        self, status: int, headers: Sequence[Header], content: bytes
    ) -> None:
        length = (b"content-length", b"%d" % len(content))
        own = [] if status == 204 else [length]
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *own],
            }
        )

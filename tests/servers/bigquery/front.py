"""What stands before the emulator: it notes requests, and fails when a test says so.

A test posts to ``/test/...``:

    /test/faults    a list of {"match": "POST .*/jobs", "when": "before" | "after",
                    "status": 503, "reason": "backendError"}: each is used once.
                    "after" does what was asked and loses the answer; status 0 breaks
                    the connection. {"job": "backendError"} fails the next load job
    /test/hold      {"hold": true}: load jobs stay running until it is false
    /test/requests  answers what was asked since the last time, with its bodies
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
from typing import Any


class Front:
    """An ASGI application before another one.

    Attributes:
        app: the emulator.
        held: whether load jobs stay running.
        jobs: project and id of each job that was begun.
    """

    def __init__(self) -> None:
        self.app: Any = None
        self.held = False
        self._faults: list[dict[str, Any]] = []
        self._requests: list[dict[str, Any]] = []
        self.jobs: set[tuple[str, str]] = set()

    def job_fault(self) -> str | None:
        """The reason that the next load job fails with."""
        for fault in self._faults:
            if "job" in fault:
                self._faults.remove(fault)
                return str(fault["job"])
        return None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or let the emulator answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if scope["path"].startswith("/test/"):
            await self._answer(send, 200, self._told(scope["path"], body))
            return
        said = _json_of(scope, body)
        self._requests.append(
            {
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode(),
                "body": said,
            }
        )
        fault = self._fault(f"{scope['method']} {scope['path']}")
        if fault and fault["when"] == "before":
            await self._fail(send, fault)
            return
        if await self._lacks_dataset(scope):
            message = f"Not found: Dataset of {scope['path']}"
            await self._answer(send, 404, _error(404, "notFound", message))
            return
        job = self._new_job(scope, said)
        if job in self.jobs:
            message = f"Already Exists: Job {job[0]}:US.{job[1]}"
            await self._answer(send, 409, _error(409, "duplicate", message))
            return
        # The id of an upload is taken once all of it has come: see ``Loads``.
        taken = job if job and not scope["path"].startswith("/upload/") else None
        if taken:
            self.jobs.add(taken)
        if await self._passed(scope, body, send, bool(fault)) >= 400 and taken:
            self.jobs.remove(taken)
        if fault:
            await self._fail(send, fault)

    async def _lacks_dataset(self, scope: Any) -> bool:
        """Whether a table is to be made in a dataset that is not there.

        The emulator answers 500 then, which a client tries for ten minutes.
        """
        above, _, last = scope["path"].rpartition("/")
        if scope["method"] != "POST" or last != "tables":
            return False
        asked = {**scope, "method": "GET", "path": above, "raw_path": above.encode()}
        return await self._passed(asked, b"", None, True) == 404

    async def _passed(self, scope: Any, body: bytes, send: Any, mute: bool) -> int:
        """Let the emulator answer, with nobody listening if ``mute``; the status."""
        given, status = [body], [500]

        async def receive() -> dict[str, Any]:
            if given:
                return {"type": "http.request", "body": given.pop(), "more_body": False}
            return {"type": "http.disconnect"}

        async def heard(message: Any) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            if not mute:
                await send(message)

        await self.app(scope, receive, heard)
        return status[0]

    def _told(self, path: str, body: bytes) -> Any:
        """What a test asks for."""
        if path == "/test/faults":
            self._faults += json.loads(body)
        elif path == "/test/hold":
            self.held = json.loads(body)["hold"]
        elif path == "/test/requests":
            told, self._requests = self._requests, []
            return told
        return {}

    def _fault(self, request: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if "match" in fault and re.fullmatch(fault["match"], request):
                self._faults.remove(fault)
                return fault
        return None

    async def _fail(self, send: Any, fault: dict[str, Any]) -> None:
        status = fault["status"]
        if status == 0:
            # An answer that is cut off looks like a connection that broke.
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"1000000")],
                }
            )
            raise ConnectionError("a fault that a test asked for")
        reason = fault.get("reason", "backendError")
        message = fault.get("message", "a fault that a test asked for")
        await self._answer(send, status, _error(status, reason, message))

    @staticmethod
    def _new_job(scope: Any, said: Any) -> tuple[str, str] | None:
        """The project and id of a job that is to begin."""
        form = r"(?:/upload)?/bigquery/v2/projects/([^/]+)/jobs"
        found = re.fullmatch(form, scope["path"])
        if scope["method"] != "POST" or not found or not isinstance(said, dict):
            return None
        job_id = (said.get("jobReference") or {}).get("jobId")
        return (found[1], job_id) if job_id else None

    @staticmethod
    async def _answer(send: Any, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        start = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _error(status: int, reason: str, message: str) -> dict[str, Any]:
    """An error as BigQuery's API words it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return {"error": {"code": status, "message": message, "errors": errors}}


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _json_of(scope: Any, body: bytes) -> Any:
    """The JSON of a request; of an upload in parts the first part."""
    kinds = [v for k, v in scope["headers"] if k == b"content-type"]
    kind = kinds[0].decode() if kinds else ""
    if kind.startswith("multipart/"):
        policy = email.policy.default
        parser = email.parser.BytesParser(policy=policy)
        parts = parser.parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        body = next(parts.iter_parts()).get_payload(decode=True)
    elif "json" not in kind:
        return None
    return json.loads(body) if body else None

"""The outermost layer: a name, a log line and an answer for every request.

Nothing that is raised inside goes further than here. The layer is plain ASGI with one
closure a request; it costs some ten microseconds.
"""

from __future__ import annotations

import time
import traceback
from typing import Any

from zap.serving.api.asgi import App, Message, Receive, Scope, Send, answer
from zap.serving.api.errors import DEFECT, refusal_of
from zap.serving.api.refusals import Disconnected
from zap.serving.api.request_log import RequestLog
from zap.serving.prediction_ids import prediction_id
from zap.serving.service import now_us

LINE = "zap.line"


class Edge:
    """Wraps the whole application.

    Args:
        app: what answers.
        log: where lines go.
    """

    def __init__(self, app: App, log: RequestLog):
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        begun = time.perf_counter()
        name = prediction_id(now_us())
        header = (b"x-request-id", name.encode())
        line: dict[str, Any] = {"id": name, "time": now_us(), "route": "other"}
        scope[LINE] = line
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Disconnected:
            status = 499
        except Exception as error:
            refused = refusal_of(error)
            if refused is None:
                line["error"] = traceback.format_exc(limit=-8)
                refused = DEFECT
            elif refused.status >= 500 and error is not refused:
                line["error"] = f"{type(error).__name__}: {error}"[:500]
            line["code"] = refused.code
            if not status:
                await answer(sent, refused.status, refused.body, refused.headers)
        finally:
            line["status"] = status
            line["ms"] = round(1000 * (time.perf_counter() - begun), 3)
            self._log.add(line)

"""The layer inside the gate: a name, a log line and an answer for every request.

Nothing that is raised inside goes further than here. The layer is plain ASGI with one
closure a request; it costs some ten microseconds.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

from zap.errors import StoreError
from zap.serving.api.asgi import App, Message, Receive, Scope, Send, answer
from zap.serving.api.errors import DEFECT, refusal_of
from zap.serving.api.gate import ROUTE_KEY
from zap.serving.api.metrics import REASONS, Metrics
from zap.serving.api.refusals import Disconnected, Refused
from zap.serving.api.request_log import RequestLog
from zap.serving.prediction_ids import prediction_id
from zap.serving.service import now_us

LINE = "zap.line"


class Edge:
    """Wraps the router, inside of the gate.

    Args:
        app: what answers.
        log: where lines go.
        metrics: where failures are counted.
    """

    def __init__(self, app: App, log: RequestLog, metrics: Metrics):
        self._app, self._log, self._metrics = app, log, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = time.perf_counter()
        moment = now_us()
        name = prediction_id(moment)
        header = (b"x-request-id", name.encode())
        line = scope[LINE] = {"id": name, "time": moment, "route": scope[ROUTE_KEY]}
        scope["app"] = self  # starlette then raises, where it would answer in text
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append(header)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Disconnected:
            status = 499
            raise
        except Exception as error:
            refused = self._refused(error, line)
            _let_go(error)
            if not status:
                await answer(sent, refused.status, refused.body, refused.headers)
        finally:
            line["status"] = status
            line["ms"] = round(1000 * (time.perf_counter() - begun), 3)
            self._log.add(line)

    def _refused(self, error: Exception, line: dict[str, Any]) -> Refused:
        """What is told of an error, once it is counted and in the line."""
        refused = refusal_of(error)
        if refused is None:
            # The frames alone: what an error says may hold a subject.
            frames = traceback.format_tb(error.__traceback__)[-6:]
            line["error"] = f"{type(error).__name__} at {''.join(frames)}"
            refused = DEFECT
        elif refused.status >= 500 and error is not refused:
            line["error"] = type(error).__name__
        line["code"] = refused.code
        if isinstance(error, StoreError):
            self._metrics.store_failed(line["route"])
        elif refused.reason in REASONS:
            self._metrics.refused(str(refused.reason))
        return refused


def _let_go(error: BaseException | None) -> None:
    """Forget where it was raised: the frames there hold the error in turn, and all that
    the request was made of would stay until the next search for cycles."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def refused_at_gate(log: RequestLog) -> Callable[[str, Refused], None]:
    """What writes a line for a request that came no further than the gate."""

    def add(route: str, refused: Refused) -> None:
        line = {"time": now_us(), "route": route, "status": refused.status}
        log.add(line | {"code": refused.code})

    return add

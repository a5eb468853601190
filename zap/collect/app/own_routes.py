"""What a collector that is alone answers besides: health, readiness, metrics."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from zap import __version__
from zap.collect.app.metrics import CollectMetrics
from zap.serving.api.asgi import Receive, Scope, Send, answer
from zap.serving.api.asked import is_local
from zap.serving.api.metrics import CONTENT_TYPE
from zap.serving.api.refusals import Refused

_encode = msgspec.json.Encoder().encode
NOWHERE = Refused(404, "not_found", "There is nothing at this path.")
ELSEWHERE = Refused(
    403, "local", "Expected a client on this machine. See metrics_public."
)
METHOD = Refused(405, "method", "Expected GET.", None, [(b"allow", b"GET, HEAD")])


class OwnRoutes:
    """Answers at ``/health``, ``/ready`` and ``/metrics``; elsewhere 404.

    Args:
        metrics: what is told.
        problem: why no event can be taken now; empty where it can.
        metrics_public: whether others than this machine are told metrics.
    """

    def __init__(
        self,
        metrics: CollectMetrics,
        problem: Callable[[], str],
        metrics_public: bool = False,
    ):
        self._metrics, self._problem = metrics, problem
        self._metrics_public = metrics_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"]
        if path not in ("/health", "/ready", "/metrics"):
            await _refuse(send, NOWHERE)
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, METHOD)
        elif path == "/health":
            await answer(send, 200, _encode({"status": "ok", "version": __version__}))
        elif path == "/ready":
            problem = self._problem()
            told = {"ready": not problem, "spool": problem or "ok"}
            await answer(send, 503 if problem else 200, _encode(told))
        elif self._metrics_public or _is_local(scope):
            kind = (b"content-type", CONTENT_TYPE.encode())
            await answer(send, 200, self._metrics.text(), kind=kind)
        else:
            await _refuse(send, ELSEWHERE)


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return is_local(client[0] if client else "", dict(scope["headers"]))


async def _refuse(send: Send, refused: Refused) -> None:
    await answer(send, refused.status, refused.body, refused.headers)

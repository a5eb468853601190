"""The application: which path does what, behind a gate and an edge.

The order is edge (a log line and an answer for whatever happens), gate (who asks, and
how much), router, endpoint.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from zap.serving.api import bodies
from zap.serving.api.asgi import App, Receive, Scope, Send, answer
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.api.config import ServeConfig
from zap.serving.api.docs_page import page
from zap.serving.api.edge import LINE, Edge
from zap.serving.api.endpoints import Answers, Endpoint
from zap.serving.api.openapi import document
from zap.serving.api.readiness import Ready, health
from zap.serving.api.refusals import Header
from zap.serving.api.request_log import RequestLog
from zap.serving.api.workers import Workers
from zap.serving.service import Service

HTML = (b"content-type", b"text/html; charset=utf-8")
JSON = (b"content-type", b"application/json")
SUBJECT_PATH = "/v1/subjects/{field}/{subject:path}"  # a subject may hold a slash
PLAIN_PAGE = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'",
)


def application(
    service: Service,
    config: ServeConfig,
    workers: Workers,
    requests: RequestLog,
    gate: Callable[[App], App] | None = None,
) -> App:
    """The ASGI application of a service.

    Args:
        service: what answers.
        config: its settings.
        workers: the threads that work.
        requests: where a line goes for each request.
        gate: wraps the router with what knows callers; None takes each as local.
    """
    router = Router(routes(service, config, workers), default=_nowhere)
    inner: App = router
    return Edge((gate or Local)(inner), requests)


def routes(service: Service, config: ServeConfig, workers: Workers) -> list[Route]:
    """The paths of the API."""
    most = config.max_events, config.max_subjects, config.max_explained
    answers = Answers(service, config.registry, *most)
    limit = config.max_body_bytes
    told = document()
    return [
        _route(
            "POST",
            "/v1/predictions/{application}",
            workers,
            answers.prediction,
            bodies.PredictionRequest,
            limit,
        ),
        _route(
            "POST",
            "/v1/predictions/{application}/batch",
            workers,
            answers.batch,
            bodies.BatchRequest,
            limit,
        ),
        _route(
            "POST", "/v1/events", workers, answers.events, bodies.EventsRequest, limit
        ),
        _route("GET", "/v1/applications", workers, answers.applications),
        _route("GET", "/v1/applications/{application}", workers, answers.application),
        _route("DELETE", SUBJECT_PATH, workers, answers.forget),
        Route("/health", _Asgi(health), methods=["GET"]),
        Route("/ready", _Asgi(Ready(service)), methods=["GET"]),
        Route("/openapi.json", Fixed("/openapi.json", bodies.encode(told), [], JSON)),
        Route("/docs", Fixed("/docs", page(told), [PLAIN_PAGE], HTML)),
    ]


def _route(
    method: str,
    path: str,
    workers: Workers,
    work: Callable[..., object],
    body: type | None = None,
    limit_bytes: int = 0,
) -> Route:
    template = path.replace(":path", "")
    endpoint = Endpoint(workers, template, work, body, limit_bytes)
    return Route(path, endpoint, methods=[method])


class _Asgi:
    """An object, which starlette takes as ASGI where it would wrap a function."""

    def __init__(self, app: App):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Fixed:
    """A page that never changes."""

    def __init__(self, route: str, body: bytes, headers: list[Header], kind: Header):
        self._route, self._body = route, body
        self._headers, self._kind = headers, kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope[LINE]["route"] = self._route
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        await answer(send, 200, self._body, self._headers, self._kind)


class Local:
    """Stands for the gate where there are no keys: whoever asks is of this machine."""

    def __init__(self, app: App):
        self._app, self._caller = app, Caller.local()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope[SCOPE_KEY] = self._caller
        scope["app"] = self  # starlette then raises, where it would answer in text
        await self._app(scope, receive, send)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)

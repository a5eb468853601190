"""The application: which path does what, behind a gate and an edge.

The order is gate (who asks, and how much), edge (a log line and an answer for whatever
happens), router, endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from zap.serving.api import bodies
from zap.serving.api.access import path_of
from zap.serving.api.asgi import App, Receive, Scope, Send, answer
from zap.serving.api.config import ServeConfig
from zap.serving.api.docs_page import page
from zap.serving.api.edge import Edge, refused_at_gate
from zap.serving.api.endpoints import Answers, Endpoint
from zap.serving.api.gate import ROUTE_KEY, Gate
from zap.serving.api.gathering import Gathering
from zap.serving.api.making import Asking, InWorkers, Making, WhileQuick
from zap.serving.api.metrics import Metrics
from zap.serving.api.openapi import document
from zap.serving.api.readiness import Ready, health
from zap.serving.api.refusals import JSON, Header
from zap.serving.api.request_log import RequestLog
from zap.serving.api.together import Predictions, Together
from zap.serving.api.workers import Workers
from zap.serving.service import Service
from zap.serving.ui.mounting import console
from zap.serving.ui.recent import Recent

HTML = (b"content-type", b"text/html; charset=utf-8")
ONE_PATH = "/v1/predictions/"
SUBJECT_PATH = "/v1/subjects/{field}/{subject:path}"  # a subject may hold a slash
PLAIN_PAGE = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'",
)


def application(
    service: Service,
    config: ServeConfig,
    workers: Workers,
    aside: Workers,
    requests: RequestLog,
    metrics: Metrics,
) -> Gate:
    """The ASGI application of a service.

    Args:
        service: what answers.
        config: its settings.
        workers: the threads that work.
        aside: a thread for single predictions, while the store's disk is slow.
        requests: where a line goes for each request.
        metrics: where all is counted.

    Raises:
        KeysError: the file of keys is missing or damaged.
    """
    watch(metrics, service, requests)
    recent = Recent()
    requests.told = recent.see
    paths = routes(service, config, workers, aside, metrics, recent)
    log = Path(config.log) if config.log else None
    paths += console(service, config.registry, log, recent)
    # Else starlette redirects, to whatever Host a request names.
    router = Router(paths, redirect_slashes=False, default=_nowhere)
    return Gate(
        Edge(_Straight(paths[0], router), requests, metrics),
        keys=Path(config.keys) if config.keys else None,
        limits=config.limits,
        metrics=metrics,
        metrics_public=config.metrics_public,
        on_refused=refused_at_gate(requests),
    )


def asks_one(scope: Mapping[str, Any]) -> bool:
    """Whether a request is for a single prediction, of which there are the most."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith(ONE_PATH)


def watch(metrics: Metrics, service: Service, requests: RequestLog) -> None:
    """Let metrics tell of a service what it counts itself."""
    metrics.watch_live(
        lambda: {name: each.version for name, each in service.applications.items()}
    )
    if service.log is not None:
        log = service.log
        metrics.watch_log(lambda: log.counts)
    metrics.watch_total("zap_swaps", "Versions that took over.", lambda: service.swaps)
    metrics.watch_total(
        "zap_request_lines_lost",
        "Lines of the log of requests that were left out.",
        lambda: requests.lost,
    )


def routes(
    service: Service,
    config: ServeConfig,
    workers: Workers,
    aside: Workers,
    metrics: Metrics,
    recent: Recent,
) -> list[Route]:
    """The paths of the API."""
    most = config.max_events, config.max_subjects, config.max_explained
    answers = Answers(service, config.registry, metrics, *most, recent.add)
    told = document()

    usual_s, batch_s = config.timeout_ms / 1000, config.batch_timeout_ms / 1000

    def posted(
        path: str, work: Callable[..., object], body: type, timeout_s: float = usual_s
    ) -> Route:
        return Route(path, Endpoint(workers, timeout_s, work, body), methods=["POST"])

    def asked(path: str, work: Callable[..., object], method: str = "GET") -> Route:
        return Route(path, Endpoint(workers, usual_s, work), methods=[method])

    one = ONE_PATH + "{application}"
    together = Together(answers, service)
    store = service.store
    making: Making
    if store is not None and store.quick:
        making = WhileQuick(together.made, aside, usual_s)
    elif store is not None and store.asks_in_loop:
        making = Asking(together.ask)
    else:
        making = InWorkers(together.made, workers, usual_s)
    gathering = Gathering(
        making,
        together.told,
        service.log,
        config.threads + config.max_waiting,
        usual_s,
    )
    alone = Endpoint(workers, usual_s, answers.prediction, bodies.PredictionRequest)
    return [
        Route(one, Predictions(alone, gathering, service.marks), methods=["POST"]),
        posted(f"{one}/batch", answers.batch, bodies.BatchRequest, batch_s),
        posted("/v1/events", answers.events, bodies.EventsRequest),
        asked("/v1/applications", answers.applications),
        asked("/v1/applications/{application}", answers.application),
        asked(SUBJECT_PATH, answers.forget, "DELETE"),
        Route("/health", _Asgi(health), methods=["GET"]),
        Route("/ready", _Asgi(Ready(service)), methods=["GET"]),
        Route("/openapi.json", Fixed(bodies.encode(told), [], JSON), methods=["GET"]),
        Route("/docs", Fixed(page(told), [PLAIN_PAGE], HTML), methods=["GET"]),
    ]


class _Straight:
    """A router that knows its busiest route at sight: the gate has found its path.

    Args:
        first: that route, with one name in its path, at its end.
        router: of all routes.
    """

    def __init__(self, first: Route, router: Router):
        self._template, self._endpoint = first.path, first.endpoint
        self._prefix, _, name = first.path.partition("{")
        self._name = name.removesuffix("}")
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["method"] == "POST" and scope[ROUTE_KEY] == self._template:
            given = path_of(scope).removeprefix(self._prefix)
            scope["path_params"] = {self._name: given}
            await self._endpoint(scope, receive, send)
        else:
            await self._router(scope, receive, send)


class _Asgi:
    """An object, which starlette takes as ASGI where it would wrap a function."""

    def __init__(self, app: App):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Fixed:
    """A page that never changes."""

    def __init__(self, body: bytes, headers: list[Header], kind: Header):
        self._body, self._headers, self._kind = body, headers, kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await answer(send, 200, self._body, self._headers, self._kind)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)

"""A server's life: made from its settings, told when it is ready, closed in order.

What must be there at the start is checked before a port is taken: the registry and its
live bundles, the folder of the log. A store that is down at the start is no reason not
to: it may come later, and until then callers are told 503.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from zap.bundles.files import local_path
from zap.bundles.id_key import id_key
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import ServingError
from zap.serving.api.app import application, asks_one
from zap.serving.api.asgi import App
from zap.serving.api.config import ServeConfig
from zap.serving.api.limits import is_loopback
from zap.serving.api.listening import bind, listen, url_of
from zap.serving.api.metrics import Metrics
from zap.serving.api.protocol import limited_protocol
from zap.serving.api.readiness import store_problem
from zap.serving.api.request_log import RequestLog
from zap.serving.api.workers import Workers
from zap.serving.breaker import Breaker
from zap.serving.log import LogOptions, PredictionLog
from zap.serving.points import Points
from zap.serving.service import Service
from zap.serving.stores import open_store


def make_service(
    config: ServeConfig,
    failed: Callable[[str], None] = lambda application: None,
    silent: Callable[[str], None] = lambda reason: None,
) -> Service:
    """The service of some settings, with its parts opened.

    Args:
        config: the settings.
        failed: told the application whose live version could not be loaded.
        silent: told why the store can't be used.

    Raises:
        ZapError: a part can't be opened.
    """
    _check_registry(config.registry)
    store = None
    if config.store:
        opened = open_store(
            config.store,
            config.store_timeout_ms,
            keep_days=config.store_keep_days,
            max_events=config.store_max_events,
        )
        pause_s = config.store_pause_ms / 1000
        store = Breaker(opened, config.store_failures, pause_s, told=silent)
    log = None
    if config.log:
        options = LogOptions(
            wait_ms=config.log_wait_ms, on_failure=config.log_on_failure
        )
        log = PredictionLog(config.log, options)
    return Service(
        config.registry,
        store,
        log,
        applications=config.applications or None,
        points=Points(config.points) if config.points else None,
        name=namer(config.registry) if config.log else None,
        failed=failed,
    )


def _say_silent(reason: str) -> None:
    """Callers are told no more than that the store does not answer.

    They are told so, too, where nobody reads what this process says, or its disk is
    full.
    """
    with suppress(OSError, ValueError):
        print(f"the store does not answer: {reason}", file=sys.stderr, flush=True)


def _check_registry(root: str) -> None:
    """Refuse a folder that is not there: a slip, for which no new one may be made."""
    path = local_path(root)
    if path is not None and not path.is_dir():
        raise ServingError(
            f"Expected the folder of a registry. Received: registry={root}, no such "
            "folder. Correct the path, or make the folder to serve before there is a "
            "version."
        )


def namer(root: str) -> Callable[[str], str]:
    """What names subjects in the log, by the registry's secret.

    Raises:
        ZapError: there is no key, and none can be made.
    """
    key = id_key(root)
    return lambda subject: keyed_subject(key, subject_hash(subject))


@dataclass(frozen=True)
class Running:
    """A server that listens.

    Attributes:
        url: where.
        service: what answers.
    """

    url: str
    service: Service


Around = Callable[[App, CollectorRegistry], App]
"""Puts an application of others before ours, told among its metrics."""


def serve(
    config: ServeConfig,
    told: Callable[[Running], None],
    around: Around = lambda app, registry: app,
) -> None:
    """Serve until the process is asked to end (SIGTERM, SIGINT).

    Args:
        config: the settings.
        told: called once the server answers.
        around: what is asked before, and answers at paths of its own.

    Raises:
        ZapError: a part can't be opened, or the port is taken.
    """
    _check_host(config)
    metrics = Metrics()
    service = make_service(config, metrics.bundle_failed, _say_silent)
    workers, aside = Workers(config.threads, config.max_waiting), Workers(1, 0)
    requests = RequestLog(sys.stderr.buffer if config.log_requests else None)
    try:
        bound = bind(config.host, config.port)
        app = application(service, config, workers, aside, requests, metrics)
        service.follow(config.poll_s, config.sweep_s)
        store_problem(service)  # told at the start; not in the loop, which may wait
        listen(
            around(app, metrics.registry),
            bound,
            limited_protocol(config.connections, metrics.refused, asks_one),
            lambda: told(Running(url_of(bound), service)),
            proxies=config.proxies,
            drain_s=config.drain_s,
        )
    finally:
        for threads in (workers, aside):
            threads.close(config.drain_s)
        service.close()
        requests.close()


def _check_host(config: ServeConfig) -> None:
    if not config.keys and not is_loopback(config.host) and config.host != "localhost":
        raise ServingError(
            "Expected a file of keys where others than this machine may ask. Received: "
            f"host={config.host!r}, keys=''. Make keys with zap keys, or listen at "
            "127.0.0.1."
        )

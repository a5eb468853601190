"""The console of a running service: where its numbers come from, and its routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.routing import Route

from zap.bundles.files import Where
from zap.errors import LogError, ServingError
from zap.serving.service import Service
from zap.serving.ui.data import Console, Sources
from zap.serving.ui.recent import Recent
from zap.serving.ui.routes import console_routes


def console(
    service: Service, registry: Where, log: Path | None, recent: Recent
) -> list[Route]:
    """The routes of a service's console.

    Args:
        service: what answers.
        registry: where its versions lie.
        log: the folder of its prediction log; None if it has none.
        recent: what it answered lately.
    """
    sources = Sources(
        registry=registry,
        served=lambda: service.applications,
        recent=recent,
        problems=lambda: service.problems,
        health={
            "event store": lambda: _store(service),
            "prediction log": lambda: _log(service),
            "models": lambda: _models(service),
        },
        log=log,
    )
    return console_routes(Console(sources))


def _store(service: Service) -> Mapping[str, Any]:
    """Raises StoreError where it does not answer."""
    if service.store is None:
        return {"none: only events in requests are answered": True}
    service.store.ping()
    return {"answers": True}


def _models(service: Service) -> Mapping[str, Any]:
    """Raises ServingError where a live version can't be served."""
    unserved = len(service.problems)
    if unserved:
        raise ServingError(
            f"Live versions that can't be served: {unserved}. See below."
        )
    return {"taken up": service.swaps, "failed to load": service.failures}


def _log(service: Service) -> Mapping[str, Any]:
    """Raises LogError where the last entries could not be written."""
    if service.log is None:
        return {"none: predictions are not written down": True}
    if service.log.failing is not None:
        raise LogError(f"The last entries were not written: {service.log.failing}")
    return asdict(service.log.counts)

"""All that the console shows, as one JSON object.

One object and one request: what is on the page together was true together. It is made
at most once a second however many look, from what the server holds in memory; the
registry's log and the analysis are read again only where they have grown or changed.
A part that can't be read is told as such, and the others are shown.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from zap.bundles.bundle import Bundle
from zap.bundles.deployments import DEPLOY, REVERT
from zap.bundles.files import Where
from zap.bundles.registry import Registry, applications
from zap.errors import ZapError
from zap.serving.ui.analysis import Analyses
from zap.serving.ui.recent import Entry, Glimpse, Recent
from zap.serving.ui.scores import now_of, training_of

SHOWN_ROWS = 50
SHOWN_DEPLOYMENTS = 50
_KEPT_SECONDS, _LISTED_SECONDS = 1.0, 30.0
_NO_HISTORY: Mapping[str, Any] = {
    "live": None,
    "deployments": [],
    "deployed": 0,
    "versions": None,
}


class Served(Protocol):
    """An application as a server holds it."""

    @property
    def version(self) -> str:
        """The version that answers."""

    @property
    def bundle(self) -> Bundle:
        """Its bundle."""


@dataclass(frozen=True)
class Sources:
    """Where the console's numbers come from.

    Attributes:
        registry: a folder or a URL.
        served: the applications that answer, by name; asked anew each time.
        recent: what was answered lately.
        problems: why the live version of an application, by name, is not served.
        health: by the name of a part, such as "store", what says how it is: a mapping
            of names to numbers, texts, and True for what is so. It raises a `ZapError`
            where it is not well.
        log: the folder of the prediction log; None if there is none.
    """

    registry: Where
    served: Callable[[], Mapping[str, Served]]
    recent: Recent
    problems: Callable[[], Mapping[str, str]] = dict
    health: Mapping[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)
    log: Path | None = None


class Console:
    """Makes the console's data. Threads may share it.

    Args:
        sources: where they come from.
        clock: seconds that only go up.
    """

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.monotonic):
        self._sources, self._clock = sources, clock
        self._analyses = Analyses(sources.log)
        self._registries: dict[str, Registry] = {}
        self._trainings: dict[str, tuple[str, dict[str, Any]]] = {}
        self._versions: dict[str, tuple[int, float, int]] = {}
        self._lock = threading.Lock()
        self._made: tuple[float, dict[str, Any]] | None = None

    def data(self) -> dict[str, Any]:
        """What the page shows; the same object for a second."""
        with self._lock:
            now = self._clock()
            if self._made is None or now - self._made[0] >= _KEPT_SECONDS:
                self._made = now, self._data()
            return self._made[1]

    def _data(self) -> dict[str, Any]:
        sources = self._sources
        served = sources.served()
        names, said = self._names(served)
        return {
            "now_us": time.time_ns() // 1000,
            "started_us": sources.recent.started_us,
            "process": os.getpid(),
            "health": {name: _health(ask) for name, ask in sources.health.items()},
            "registry_said": said,
            "refusals": [
                {"reason": reason, "total": total, "lately": lately}
                for reason, (total, lately) in sources.recent.refusals().items()
            ],
            "applications": [self._of(name, served.get(name)) for name in names],
        }

    def _names(self, served: Mapping[str, Served]) -> tuple[list[str], str | None]:
        try:
            return sorted({*served, *applications(self._sources.registry)}), None
        except ZapError as error:
            return sorted(served), said_by(error)

    def _of(self, name: str, served: Served | None) -> dict[str, Any]:
        seen = self._sources.recent.glimpse(name)
        told: dict[str, Any] = {
            "name": name,
            "version": served.version if served else None,
            "problem": self._sources.problems().get(name),
            **self._history(name),
            "predictions": seen.total,
            "rows": [_row(entry) for entry in seen.rows[:SHOWN_ROWS]],
            "latency": _latency(seen),
            "analysis": self._analyses.of(name),
            "question": None,
            "scores": None,
        }
        if served:
            training = self._training(name, served)
            values = [value for version, value in seen.scores]
            mine = [v for version, v in seen.scores if version == served.version]
            told["question"] = training["question"]
            told["scores"] = {
                "training": training,
                "now": now_of(training, mine),
                "others": len(values) - len(mine),
            }
        return told

    def _history(self, name: str) -> dict[str, Any]:
        """What the registry's log says: what is live, since when, and before."""
        registry = self._registries.get(name)
        if registry is None:
            registry = Registry(self._sources.registry, name)
            self._registries[name] = registry
        try:
            entries = registry.history()
            versions = self._count_versions(registry, len(entries))
        except ZapError as error:
            return {**_NO_HISTORY, "history_said": said_by(error)}
        changes = [each for each in entries if each.action in (DEPLOY, REVERT)]
        return {
            "live": asdict(changes[-1]) if changes else None,
            "deployments": [asdict(e) for e in reversed(entries[-SHOWN_DEPLOYMENTS:])],
            "deployed": len(entries),
            "versions": versions,
            "history_said": None,
        }

    def _count_versions(self, registry: Registry, deployed: int) -> int:
        """How many versions there are; the store is listed twice a minute at most."""
        now = self._clock()
        known = self._versions.get(registry.application)
        if known is None or known[0] != deployed or now - known[1] >= _LISTED_SECONDS:
            known = deployed, now, len(registry.versions())
            self._versions[registry.application] = known
        return known[2]

    def _training(self, name: str, served: Served) -> dict[str, Any]:
        """What the served bundle says of training; read once a version."""
        known = self._trainings.get(name)
        if known is None or known[0] != served.version:
            known = self._trainings[name] = served.version, _read_training(served)
        return known[1]


def _read_training(served: Served) -> dict[str, Any]:
    info = served.bundle.info
    try:
        metrics = served.bundle.json("metrics.json")
        said = None
    except ZapError as error:
        metrics, said = {}, said_by(error)
    return {
        **training_of(metrics),
        "said": said,
        "question": info.get("generator", {}).get("question"),
        "created_at": info.get("created_at"),
        "model": info.get("model", {}).get("kind"),
    }


def _row(entry: Entry) -> dict[str, Any]:
    return {**entry._asdict(), "value": entry.value}


def _latency(seen: Glimpse) -> dict[str, Any]:
    return {
        "whole": asdict(seen.latency),
        "series": [asdict(spread) for spread in seen.series],
    }


def _health(ask: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Whether a part is well, with its numbers or what it said."""
    try:
        return {"well": True, "said": None, "numbers": dict(ask())}
    except ZapError as error:
        return {"well": False, "said": said_by(error), "numbers": {}}


def said_by(error: ZapError) -> str:
    """An error's message, at most 500 characters of it."""
    return str(error)[:500]

"""The settings of a server, from a TOML file and the command line.

Every setting has a name here, a default that is right for one small machine, and a
bound. A key that is unknown is refused with the nearest one that is known: a limit that
is misspelt would be a limit that is not there.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from zap.errors import ServingError
from zap.serving.api.bodies import MOST_EVENTS, MOST_EXPLAINED, MOST_SUBJECTS
from zap.serving.api.limits import Limits
from zap.serving.api.protocol import ConnectionLimits

Count = Annotated[int, Meta(ge=1, le=1 << 40)]
Milliseconds = Annotated[float, Meta(gt=0, le=3_600_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class ServeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of ``zap serve``.

    Attributes:
        registry: where versions and deployments lie.
        store: of recent events: sqlite:FILE, redis://... or mongodb://...
        log: folder of the prediction log; empty writes none.
        applications: to serve; none named are all of the registry.
        host: address to listen at.
        port: to listen at; 0 takes a free one.
        threads: that work on requests.
        max_waiting: requests that may wait for a thread; more are refused (503).
        timeout_ms: from a request's arrival to its answer.
        batch_timeout_ms: the same of a batch.
        drain_s: how long a server that ends lets requests finish.
        poll_s: how often it looks for another live version.
        sweep_s: how often events are removed that have become too old.
        store_timeout_ms: of one call of the store.
        store_keep_days: subjects of which nothing came for so long are forgotten.
        store_max_events: of a subject at most.
        store_failures: in a row, after which the store is left alone for a while.
        store_pause_ms: how long that is.
        log_on_failure: refuse a prediction that can't be logged, or go_on and count.
        log_wait_ms: how long a prediction may wait for its entry.
        log_requests: whether a line is written for each request.
        keys: file of the keys of callers, which zap keys makes; without one the server
            listens to this machine alone.
        proxies: addresses or networks of reverse proxies, whose X-Forwarded-For is
            believed; of all other clients it is not.
        metrics_public: whether /metrics needs no key.
        limits: of rates, sizes and times of requests.
        connections: of headers and connections.
        points: folder of prediction points; empty writes none.
        max_events: of one request.
        max_subjects: of one batch.
        max_explained: events that are left out in turn in one request.
    """

    registry: str = "models"
    store: str = "sqlite:events.db"
    log: str = "predictions"
    applications: list[str] = []
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    threads: Annotated[int, Meta(ge=1, le=256)] = 4
    max_waiting: Annotated[int, Meta(ge=0, le=100_000)] = 128
    timeout_ms: Milliseconds = 5_000
    batch_timeout_ms: Milliseconds = 60_000
    drain_s: Seconds = 10
    poll_s: Seconds = 1
    sweep_s: Seconds = 600
    store_timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    store_keep_days: Annotated[float, Meta(gt=0, le=36_500)] = 400
    store_max_events: Count = 1_000
    store_failures: Count = 3
    store_pause_ms: Milliseconds = 500
    log_on_failure: Literal["refuse", "go_on"] = "refuse"
    log_wait_ms: Annotated[int, Meta(ge=1, le=60_000)] = 50
    log_requests: bool = True
    points: str = ""
    keys: str = ""
    proxies: list[str] = []
    metrics_public: bool = False
    limits: Limits = Limits()
    connections: ConnectionLimits = ConnectionLimits()
    max_events: Annotated[int, Meta(ge=1, le=MOST_EVENTS)] = 1_000
    max_subjects: Annotated[int, Meta(ge=1, le=MOST_SUBJECTS)] = MOST_SUBJECTS
    max_explained: Annotated[int, Meta(ge=0, le=MOST_EXPLAINED)] = 40


def load_config(
    path: str | Path | None, given: dict[str, Any] | None = None
) -> ServeConfig:
    """The settings of a file, and over them those of the command line.

    Args:
        path: a TOML file; None has none.
        given: settings by name; None values are not given.

    Raises:
        ServingError: the file can't be read, a key is unknown, or a value is wrong.
    """
    said = _read(path) if path is not None else {}
    said |= {name: value for name, value in (given or {}).items() if value is not None}
    try:
        _check_tables(said, path)
        return msgspec.convert(said, ServeConfig)
    except msgspec.ValidationError as error:
        raise ServingError(_explained(str(error), path)) from error


def _read(path: str | Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ServingError(
            f"Expected a TOML file of settings. Received: config={path} ({error}). "
            "See docs/serving.md for an example."
        ) from error


def _check_tables(said: dict[str, Any], path: str | Path | None) -> None:
    """Refuse unknown keys of tables, which msgspec lets pass in dataclasses."""
    tables = {"limits": Limits, "connections": ConnectionLimits}
    for table, kind in tables.items():
        inner: Any = said.get(table)
        known = [each.name for each in dataclasses.fields(kind)]
        for name in inner if isinstance(inner, dict) else ():
            if name not in known:
                raise ServingError(_unknown(f"{table}.{name}", name, known, path))
            rate = inner[name]
            for key in rate if isinstance(rate, dict) else ():
                if key not in ("per_s", "burst"):
                    where = f"{table}.{name}.{key}"
                    known = ["per_s", "burst"]
                    raise ServingError(_unknown(where, key, known, path))


def _explained(message: str, path: str | Path | None) -> str:
    unknown = re.search(r"unknown field `(.*)`", message)
    if unknown is None:
        at = re.search(r"\$\.(\w+)", message)
        name = at[1] if at else "a setting"
        return (
            f"Expected settings of a server that are right. Received: {message}, "
            f"config={path}. Change {name}."
        )
    return _unknown(unknown[1], unknown[1], ServeConfig.__struct_fields__, path)


def _unknown(
    shown: str, name: str, known: Sequence[str], path: str | Path | None
) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."
    return (
        f"Expected settings that a server has. Received: {shown!r}, "
        f"config={path}. {fix}"
    )

"""The settings of a server, from a TOML file and the command line.

Every setting has a name here, a default that is right for one small machine, and a
bound. A key that is unknown is refused with the nearest one that is known: a limit that
is misspelt would be a limit that is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from zap.errors import ServingError
from zap.serving.api.bodies import MOST_EVENTS, MOST_EXPLAINED, MOST_SUBJECTS
from zap.serving.api.limits import Limits, Rate
from zap.serving.api.protocol import ConnectionLimits
from zap.serving.api.settings import Settings

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
    threads: Annotated[int, Meta(ge=1, le=256)] = 2
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
    log_wait_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
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
    return _SETTINGS.load(ServeConfig, path, given or {})


_SETTINGS = Settings(
    {
        "$": ServeConfig,
        "$.limits": Limits,
        "$.limits.*": Rate,
        "$.connections": ConnectionLimits,
    },
    ServingError,
    "a server",
    "docs/serving.md",
)

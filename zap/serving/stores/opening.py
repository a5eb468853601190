"""Stores by their addresses; a client is imported when its database is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zap.errors import MissingExtraError, StoreError
from zap.serving.stores.backend import Backend
from zap.serving.stores.pruning import Limits
from zap.serving.stores.store import EventStore, wall_clock_us
from zap.serving.stores.urls import shown
from zap.times import DAY_US

_SCHEMES = "sqlite:FILE, redis://HOST:PORT/DATABASE or mongodb://HOST:PORT/DATABASE"


def open_store(
    url: str,
    timeout_ms: int = 250,
    *,
    keep_days: float = 400,
    max_events: int = 1000,
    max_devices: int = 50,
    clock_us: Callable[[], int] = wall_clock_us,
) -> EventStore:
    """The event store at an address. It need not be up yet: see ``EventStore.ping``.

    Args:
        url: ``sqlite:events.db``, ``sqlite:///var/lib/events.db``, ``redis://...``,
            ``rediss://...``, ``mongodb://...`` or ``mongodb+srv://...``.
        timeout_ms: how long any answer may take.
        keep_days: subjects of which nothing came in for so long are forgotten.
        max_events: events of a subject at most; see ``Limits``.
        max_devices: devices of a user at most.
        clock_us: the time.

    Raises:
        StoreError: the address is of no store, or a number is out of range.
        MissingExtraError: the database's client is not installed.
    """
    if timeout_ms < 1 or keep_days <= 0 or max_events < 1 or max_devices < 1:
        raise StoreError(
            "Expected timeout_ms, keep_days, max_events and max_devices above 0. "
            f"Received: timeout_ms={timeout_ms!r}, keep_days={keep_days!r}, "
            f"max_events={max_events!r}, max_devices={max_devices!r}."
        )
    limits = Limits(round(keep_days * DAY_US), max_events, max_devices)
    return EventStore(_backend(url, timeout_ms), limits, clock_us)


def _backend(url: str, timeout_ms: int) -> Backend:
    scheme, colon, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        from zap.serving.stores.sqlite import SqliteBackend

        path = rest.removeprefix("//") if rest.startswith("///") else rest
        return SqliteBackend(Path(path), timeout_ms)
    try:
        if scheme in ("redis", "rediss"):
            from zap.serving.stores.redis import RedisBackend

            return RedisBackend(url, timeout_ms)
        if scheme in ("mongodb", "mongodb+srv"):
            from zap.serving.stores.mongo import MongoBackend

            return MongoBackend(url, timeout_ms)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or scheme, "serve") from error
    except ValueError as error:
        raise StoreError(
            f"Expected the address of a store: {_SCHEMES}. Received: {shown(url)}. "
            "Correct its host, port or options."
        ) from error
    raise StoreError(
        f"Expected the address of a store: {_SCHEMES}. "
        f"Received: {shown(url) if colon else url!r}."
    )

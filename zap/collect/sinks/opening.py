"""The sinks that a collector's settings name."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from zap.collect.delivery.options import DeliveryOptions
from zap.collect.sinks.late import LateSink
from zap.collect.sinks.sink import Sink
from zap.errors import CollectError
from zap.serving.stores.live_needs import LiveNeeds

if TYPE_CHECKING:
    from zap.collect.app.config import CollectConfig

STORE_TIMEOUT_MS = 5_000


def sink_names(config: CollectConfig) -> list[str]:
    """The names of the sinks that are filled, without opening them."""
    named = {"archive": config.archive, "bad": config.bad, "store": config.store}
    return [name for name, where in named.items() if where]


def open_sinks(config: CollectConfig) -> list[Sink]:
    """The sinks of some settings; each is opened when it is first used.

    Raises:
        CollectError: a store is named, and no mapping or no registry.
    """
    if config.store:
        checked_store(config)
    openers = {
        "archive": partial(_archive, config.archive, config.ids_days),
        "bad": partial(_bad, config.bad),
        "store": partial(_store, config),
    }
    return [LateSink(name, openers[name]) for name in sink_names(config)]


def _archive(folder: str, ids_days: int) -> Sink:
    from zap.collect.archive.options import ArchiveOptions
    from zap.collect.archive.sink import ArchiveSink

    return ArchiveSink(folder, ArchiveOptions(ids_days=ids_days))


def _bad(folder: str) -> Sink:
    from zap.collect.bad.sink import BadSink

    return BadSink(folder)


def _store(config: CollectConfig) -> Sink:
    from zap.collect.sinks.store import StoreSink
    from zap.serving.stores import open_store

    store = open_store(config.store, STORE_TIMEOUT_MS)
    return StoreSink(store, config.mapping, LiveNeeds(config.registry))


def checked_store(config: CollectConfig) -> str:
    """The address of the store that is filled.

    Raises:
        CollectError: none is named, or there is no mapping or no registry.
    """
    for name in ("store", "mapping", "registry"):
        if not getattr(config, name):
            raise CollectError(
                "Expected a store with a mapping and a registry, which say what it "
                f"keeps of an event. Received: no {name}. Add it to the settings."
            )
    return config.store


def delivery_options(config: CollectConfig, *, once: bool = False) -> DeliveryOptions:
    """The bounds of a delivery by some settings.

    Args:
        config: the settings.
        once: it ends when all is delivered, however long that takes.
    """
    return DeliveryOptions(
        keep_s=config.spool_keep_h * 3600,
        drain_s=math.inf if once else config.drain_s,
    )

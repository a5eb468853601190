"""The sinks that a collector's settings name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zap.collect.delivery.options import DeliveryOptions
from zap.collect.sinks.needs import LiveNeeds
from zap.collect.sinks.sink import Sink
from zap.errors import CollectError

if TYPE_CHECKING:
    from zap.collect.app.config import CollectConfig

STORE_TIMEOUT_MS = 5_000


def sink_names(config: CollectConfig) -> list[str]:
    """The names of the sinks that are filled, without opening them."""
    named = {"archive": config.archive, "bad": config.bad, "store": config.store}
    return [name for name, where in named.items() if where]


def open_sinks(config: CollectConfig) -> list[Sink]:
    """The sinks of some settings. None of them has to be up yet.

    Raises:
        ZapError: settings are missing or wrong.
    """
    sinks: list[Sink] = []
    if config.archive:
        from zap.collect.archive.sink import ArchiveSink

        sinks.append(ArchiveSink(config.archive, ids_days=config.ids_days))
    if config.bad:
        from zap.collect.bad.sink import BadSink

        sinks.append(BadSink(config.bad))
    if config.store:
        sinks.append(open_store_sink(config))
    return sinks


def open_store_sink(config: CollectConfig) -> Sink:
    """The store of some settings.

    Raises:
        CollectError: a store is named, and no mapping or no registry.
        StoreError: the address is of no store.
    """
    from zap.collect.sinks.store import StoreSink
    from zap.serving.stores import open_store

    store = open_store(checked_store(config), STORE_TIMEOUT_MS)
    return StoreSink(store, config.mapping, LiveNeeds(config.registry))


def checked_store(config: CollectConfig, given: str | None = None) -> str:
    """The address of the store that is filled.

    Args:
        config: the settings.
        given: an address that goes before theirs.

    Raises:
        CollectError: none is named, or there is no mapping or no registry.
    """
    said = {
        "store": given or config.store,
        "mapping": config.mapping,
        "registry": config.registry,
    }
    for name, value in said.items():
        if not value:
            raise CollectError(
                "Expected a store with a mapping and a registry, which say what it "
                f"keeps of an event. Received: no {name}. Add it to the settings."
            )
    return said["store"]


def delivery_options(config: CollectConfig, *, once: bool = False) -> DeliveryOptions:
    """The bounds of a delivery by some settings.

    Args:
        config: the settings.
        once: it ends when all is delivered, however long that takes.
    """
    return DeliveryOptions(
        linger_s={"archive": 1.0, "bad": 1.0},
        keep_s=config.spool_keep_h * 3600,
        drain_s=math.inf if once else config.drain_s,
    )

"""Settings with all that they name, loaded and told, before a port is taken."""

from __future__ import annotations

from typing import Any

from zap.collect.app.config import CollectConfig
from zap.collect.app.server import protocols_of
from zap.collect.app.sources import Sources
from zap.collect.checks.checks import Checks


def checked(config: CollectConfig) -> dict[str, Any]:
    """Who may post what; never a key.

    Raises:
        CollectError: something that the settings name is missing or wrong.
    """
    protocols_of(config)
    Checks(config.sources)
    Sources(config.sources)
    sources = {
        name: {
            "protocols": sorted(source.protocols),
            "keys": len(source.all_keys()),
            "origins": source.origins,
        }
        for name, source in config.sources.items()
    }
    return {"sources": sources, "spool": config.spool}

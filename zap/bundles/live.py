"""The live model, as a server follows it."""

from __future__ import annotations

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry


class LiveModel:
    """Tells a server when another version has become live.

    Example: ``bundle = live.poll()`` every second; where it is not None, load it beside
    the model in use and change over.

    Args:
        registry: of the application. One thread polls.
    """

    def __init__(self, registry: Registry):
        self._registry = registry
        self.version: str | None = None

    def poll(self) -> Bundle | None:
        """The bundle that has become live since the last poll; None if none has.

        Where it can't be loaded, the next poll tries again: the server keeps the model
        that it has.

        Raises:
            RegistryError: the log is damaged.
            BundleError: the bundle is damaged, or the store can't be read.
        """
        live = self._registry.live()
        if live is None or live == self.version:
            return None
        bundle = self._registry.load(live)
        self.version = live
        return bundle

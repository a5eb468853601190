"""What the live versions of a registry need, as they change.

A registry without a live version needs nothing, and is no error: a site collects events
before it has a model. What can't be read leaves the needs as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from zap.bundles.files import Where, local_path
from zap.bundles.registry import Registry, applications
from zap.errors import ZapError
from zap.serving.stores.need import Need
from zap.serving.stores.wanted import need_of

LOCAL_POLL_S = 1.0
REMOTE_POLL_S = 30.0  # to list a bucket costs


class LiveNeeds:
    """Follows a registry. One thread asks.

    Args:
        root: of the registry.
        poll_s: how often it is looked at; None: by where it lies.
        clock: seconds that only rise.

    Attributes:
        problems: of each application, or of the ``registry``, why it can't be read.
    """

    def __init__(
        self,
        root: Where,
        poll_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        if poll_s is None:
            poll_s = REMOTE_POLL_S if local_path(root) is None else LOCAL_POLL_S
        self._root, self._poll_s = root, poll_s
        self._clock = clock
        self._again: float | None = None
        self._live: dict[str, tuple[str, Need]] = {}
        self.problems: dict[str, str] = {}

    def current(self) -> Mapping[str, Need]:
        """The need of each application that has a live version.

        Raises:
            ZapError: the registry could never be read.
        """
        if self._again is None or self._clock() >= self._again:
            self._poll()
        return {name: need for name, (_, need) in self._live.items()}

    def versions(self) -> Mapping[str, str]:
        """The live version of each application, as it was last read."""
        return {name: version for name, (version, _) in self._live.items()}

    def _poll(self) -> None:
        try:
            names = applications(self._root)
        except (ZapError, OSError) as error:
            if self._again is None:
                raise
            self.problems = {"registry": str(error)}
            self._again = self._clock() + self._poll_s
            return
        found: dict[str, tuple[str, Need]] = {}
        problems: dict[str, str] = {}
        for name in names:
            before = self._live.get(name)
            try:
                now = self._read(name, before)
            except (ZapError, OSError) as error:
                problems[name] = str(error)
                now = before
            if now is not None:
                found[name] = now
        self._live, self.problems = found, problems
        self._again = self._clock() + self._poll_s

    def _read(
        self, name: str, before: tuple[str, Need] | None
    ) -> tuple[str, Need] | None:
        registry = Registry(self._root, name)
        version = registry.live()
        if version is None or (before is not None and before[0] == version):
            return None if version is None else before
        return version, need_of(registry.open(version))

"""How much room a spool has: two sums, so that asking never waits for the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from zap.collect.spool.options import SpoolFull, SpoolOptions
from zap.collect.spool.segments import bytes_of, segments_of

_LOOK_S = 0.2


class Room:
    """What the disk holds, as it was seen a moment ago, and what waits for it.

    Args:
        folder: the spool's.
        options: its limits.
    """

    def __init__(self, folder: Path, options: SpoolOptions):
        self._folder = folder
        self._options = options
        self._waiting = 0
        self._seen = float("-inf")
        self.look()

    def look(self) -> None:
        """See what others removed, or filled the disk with, unless it was just seen.

        Raises:
            OSError: the folder can't be looked at.
        """
        if time.monotonic() - self._seen < _LOOK_S:
            return
        self._held = bytes_of(segments_of(self._folder))
        disk = os.statvfs(self._folder)
        self._free = disk.f_bavail * disk.f_frsize
        self._seen = time.monotonic()

    def grown(self, size: int) -> None:
        """The spool has grown by so many bytes."""
        self._held += size
        self._free -= size

    def free(self, size: int) -> None:
        """So many bytes do not wait any more; under the lock of `reserve`."""
        self._waiting -= size

    def reserve(self, size: int) -> None:
        """Let so many bytes more wait for the disk; under one lock.

        Raises:
            SpoolFull: they may not.
        """
        wanted = self._waiting + size
        options = self._options
        if wanted > options.queue_bytes:
            raise self._full("queue_bytes", size, options.queue_bytes)
        if wanted > options.max_bytes - self._held:
            raise self._full("max_bytes", size, options.max_bytes - self._held)
        if wanted > self._free - options.keep_free_bytes:
            room = self._free - options.keep_free_bytes
            raise self._full("keep_free_bytes", size, room)
        self._waiting = wanted

    def _full(self, limit: str, size: int, room: int) -> SpoolFull:
        return SpoolFull(
            f"Expected room for {size} bytes more, with {self._waiting} that wait. "
            f"Received: {limit}={getattr(self._options, limit)}, which leaves room for "
            f"{max(0, room)} in all. Have the sinks catch up, or give it more."
        )

"""Seconds by step, for those who ask where a script's time goes."""

from __future__ import annotations

import time


class Clock:
    """Books the time between laps.

    Attributes:
        seconds: by the name of the step.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Book the time since the last lap under a name."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now

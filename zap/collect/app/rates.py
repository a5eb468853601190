"""How many events a source may send: a token bucket of its own.

A request is let in while the bucket holds anything, and takes a token for each event,
so that a batch larger than the bucket is let in once and paid for afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct


class EventRate(Struct, frozen=True, forbid_unknown_fields=True):
    """Events that are let in.

    Attributes:
        per_s: a second, in the long run.
        burst: at once.
    """

    per_s: Annotated[float, Meta(gt=0, le=1e9)]
    burst: Annotated[int, Meta(ge=1, le=1 << 40)]


class Bucket:
    """What one source may still send.

    Args:
        rate: that it is held to.
        monotonic: a clock in seconds, for tests.
    """

    def __init__(
        self, rate: EventRate, monotonic: Callable[[], float] = time.monotonic
    ):
        self._rate, self._monotonic = rate, monotonic
        self._level, self._since = float(rate.burst), monotonic()

    def take(self, events: int) -> float:
        """Take tokens: 0, or how many seconds to wait and nothing is taken."""
        now = self._monotonic()
        gained = (now - self._since) * self._rate.per_s
        self._level = min(float(self._rate.burst), self._level + gained)
        self._since = now
        if self._level < 1:
            return (1 - self._level) / self._rate.per_s
        self._level -= events
        return 0.0

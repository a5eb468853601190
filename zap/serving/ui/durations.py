"""How long recent requests took: percentiles over the last minutes, in fixed memory.

Time is cut into slots of ten seconds, of which the last ten minutes are kept. A slot
counts durations in bins whose edges grow by 2^(1/16), so that a percentile is right to
within 2.2 % whatever the load, and adding one costs a logarithm and an increment.
Keeping the durations themselves would cost memory that grows with the load, or forget
all but the last second under load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOT_US = 10_000_000
SLOTS = 60
PER_OCTAVE = 16
BINS = 27 * PER_OCTAVE  # 1 microsecond to 134 seconds
SHARES = (0.5, 0.99)


@dataclass(frozen=True)
class Spread:
    """Percentiles of some durations.

    Attributes:
        start_us: when the slot, or the first of the slots, began.
        n: how many durations.
        p50_ms, p99_ms: their percentiles; None where there are none.
    """

    start_us: int
    n: int
    p50_ms: float | None
    p99_ms: float | None


class Durations:
    """The durations of the last ten minutes. Not thread-safe: its owner has a lock."""

    def __init__(self) -> None:
        self._counts = np.zeros((SLOTS, BINS), np.int32)
        self._slots = np.full(SLOTS, -1, np.int64)

    def add(self, now_us: int, duration_us: float) -> None:
        """Count a duration that ended now."""
        slot = now_us // SLOT_US
        place = slot % SLOTS
        if self._slots[place] != slot:
            self._slots[place] = slot
            self._counts[place] = 0
        self._counts[place, bin_of(duration_us)] += 1

    def recent(self, now_us: int) -> RecentDurations:
        """A copy of what is kept, which can be worked on without a lock."""
        slots = now_us // SLOT_US + np.arange(1 - SLOTS, 1)
        places = slots % SLOTS
        counts = self._counts[places]
        counts[self._slots[places] != slots] = 0
        return RecentDurations(int(slots[0]) * SLOT_US, counts)


@dataclass(frozen=True)
class RecentDurations:
    """Durations of ten minutes.

    Attributes:
        start_us: when the first slot began.
        counts: of each slot and bin, the oldest slot first.
    """

    start_us: int
    counts: NDArray[np.int32]

    def series(self) -> list[Spread]:
        """A spread for each slot, the oldest first."""
        starts = range(self.start_us, self.start_us + SLOTS * SLOT_US, SLOT_US)
        return [
            _spread(start, row) for start, row in zip(starts, self.counts, strict=True)
        ]

    def whole(self) -> Spread:
        """The spread of all slots together."""
        return _spread(self.start_us, self.counts.sum(axis=0))


def bin_of(duration_us: float) -> int:
    """The bin of a duration; the first and the last bin are open."""
    place = int(PER_OCTAVE * math.log2(duration_us)) if duration_us > 1 else 0
    return min(place, BINS - 1)


def _spread(start_us: int, counts: NDArray[Any]) -> Spread:
    """The percentiles, each the middle of the bin that holds its rank."""
    up_to = np.cumsum(counts)
    n = int(up_to[-1])
    if not n:
        return Spread(start_us, 0, None, None)
    ranks = [max(1, math.ceil(share * n)) for share in SHARES]
    places = np.searchsorted(up_to, ranks)
    p50, p99 = (2 ** ((places + 0.5) / PER_OCTAVE) / 1000).tolist()
    return Spread(start_us, n, p50, p99)

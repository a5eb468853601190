"""How long recent requests took: percentiles over the last minutes, in fixed memory.

Time is cut into slots of ten seconds, of which the last ten minutes are kept. A slot
counts durations in bins whose edges grow by 2^(1/16), so that a percentile is right to
within 2.2 % whatever the load, and adding one costs a logarithm and an increment.
Keeping the durations themselves would cost memory that grows with the load, or forget
all but the last second under load.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLOT_US = 10_000_000
SLOTS = 60
PER_OCTAVE = 16
_BINS = 27 * PER_OCTAVE  # 1 microsecond to 134 seconds


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
        self._counts = [array("Q", bytes(8 * _BINS)) for _ in range(SLOTS)]
        self._slots = [-1] * SLOTS

    def add(self, now_us: int, duration_us: float) -> None:
        """Count a duration that ended now."""
        slot = now_us // SLOT_US
        place = slot % SLOTS
        if self._slots[place] != slot:
            self._slots[place] = slot
            self._counts[place] = array("Q", bytes(8 * _BINS))
        self._counts[place][bin_of(duration_us)] += 1

    def series(self, now_us: int) -> list[Spread]:
        """A spread for each slot, the oldest first; the last is the one of now."""
        last = now_us // SLOT_US
        return [
            spread_of(slot * SLOT_US, [self._counts[slot % SLOTS]])
            if self._slots[slot % SLOTS] == slot
            else Spread(slot * SLOT_US, 0, None, None)
            for slot in range(last - SLOTS + 1, last + 1)
        ]

    def whole(self, now_us: int) -> Spread:
        """The spread of all that is kept."""
        first = now_us // SLOT_US - SLOTS + 1
        kept = [
            counts
            for slot, counts in zip(self._slots, self._counts, strict=True)
            if first <= slot < first + SLOTS
        ]
        return spread_of(first * SLOT_US, kept)


def bin_of(duration_us: float) -> int:
    """The bin of a duration; what is shorter or longer than all bins joins the last."""
    place = int(PER_OCTAVE * math.log2(duration_us)) if duration_us > 1 else 0
    return min(place, _BINS - 1)


def spread_of(start_us: int, slots: Sequence[Iterable[int]]) -> Spread:
    """The percentiles of slots together."""
    counts = [sum(each) for each in zip(*slots, strict=True)]
    n = sum(counts)
    p50, p99 = (_percentile(counts, n, share) for share in (0.5, 0.99))
    return Spread(start_us, n, p50, p99)


def _percentile(counts: Sequence[int], n: int, share: float) -> float | None:
    """The middle of the bin that holds the duration of this rank, in milliseconds."""
    wanted, seen = max(1, math.ceil(share * n)), 0
    for place, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return float(2 ** ((place + 0.5) / PER_OCTAVE) / 1000)
    return None

"""What is known of the events of a day and a group, and how two of these are joined.

Joining is associative and commutative, and an event is joined like any other part, so
that the order in which events arrive changes nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

import numpy as np

from zap.encoding.measures import MOST_DISTINCT


@dataclass
class NumberPart:
    """A numeric field: how many values, their sum in millionths, and the outermost."""

    count: int
    total: int
    low: float
    high: float

    def join(self, other: NumberPart) -> NumberPart:
        """Both together."""
        return NumberPart(
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )


@dataclass
class DayPartial:
    """Some events of one day, or of several.

    Attributes:
        count: how many events, at least one.
        first: the earliest timestamp, in microseconds.
        last: the latest.
        numbers: one a numeric field of the plan; None without values.
        hashes: of the distinct values, one set a field; the smallest ``MOST_DISTINCT``
            of them, which is all that their number depends on.
    """

    count: int
    first: int
    last: int
    numbers: list[NumberPart | None] = field(default_factory=list)
    hashes: list[set[int]] = field(default_factory=list)

    def absorb(self, other: DayPartial) -> None:
        """Take the events of another partial in."""
        self.count += other.count
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        for place, part in enumerate(other.numbers):
            mine = self.numbers[place]
            if part is not None:
                self.numbers[place] = part if mine is None else mine.join(part)
        for own, further in zip(self.hashes, other.hashes, strict=True):
            own |= further
            if len(own) > MOST_DISTINCT:
                own.intersection_update(nsmallest(MOST_DISTINCT, own))

    def copy(self) -> DayPartial:
        """The same, to be changed without changing this one."""
        return DayPartial(
            self.count,
            self.first,
            self.last,
            list(self.numbers),
            [set(hashes) for hashes in self.hashes],
        )

    def to_list(self) -> list[Any]:
        """The partial as a JSON array."""
        numbers = [
            None if n is None else [n.count, n.total, n.low, n.high]
            for n in self.numbers
        ]
        packed = [_packed(hashes) for hashes in self.hashes]
        return [self.count, self.first, self.last, numbers, packed]

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> DayPartial:
        """The partial that ``to_list`` described."""
        count, first, last, numbers, hashes = data
        parts = [None if n is None else NumberPart(*n) for n in numbers]
        return cls(count, first, last, parts, [_unpacked(text) for text in hashes])


def joined(partials: Sequence[DayPartial]) -> DayPartial | None:
    """All of them as one; None where there are none."""
    if not partials:
        return None
    found = partials[0].copy()
    for other in partials[1:]:
        found.absorb(other)
    return found


def _packed(hashes: set[int]) -> str:
    """Ascending, eight bytes each, as text: JSON numbers end at 2**53 for many."""
    ordered = np.array(sorted(hashes), ">u8")
    return base64.b64encode(ordered.tobytes()).decode()


def _unpacked(text: str) -> set[int]:
    return set(np.frombuffer(base64.b64decode(text), ">u8").tolist())

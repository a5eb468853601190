"""What a server answered and refused lately, for its console: bounded, in memory.

It is a window and no record: the record is the prediction log. So it holds no subject
and no event, forgets at a restart, and its size does not depend on the load. Adding a
prediction takes one lock and a few appends; whatever is worked out of them is worked
out when somebody looks.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from zap.serving.ui.durations import SLOT_US, SLOTS, Durations, Spread

ROWS = 100
SCORES = 5_000
APPLICATIONS = 200
REASONS = 50
OTHER = "other"
Value = float | tuple[float, ...]


class Entry(NamedTuple):
    """A prediction as the console shows it: not whom it is about.

    Attributes:
        id: of the prediction.
        time_us: when it was answered.
        version: of the model.
        value: a probability or an amount; of classes, a probability each.
        segment: its part of all predictions; None if the model knows no parts.
        events: how many events were used.
    """

    id: str
    time_us: int
    version: str
    value: Value
    segment: str | None
    events: int


@dataclass(frozen=True)
class Glimpse:
    """The last predictions of an application.

    Attributes:
        total: how many there were since the server started.
        rows: the last 100, the newest first.
        scores: versions and values of the last 5,000, the oldest first.
        latency: of the requests of the last ten minutes.
        series: the same, by slots of ten seconds.
    """

    total: int
    rows: tuple[Entry, ...]
    scores: tuple[tuple[str, Value], ...]
    latency: Spread
    series: tuple[Spread, ...]


@dataclass
class _Kept:
    """What is kept of an application."""

    total: int = 0
    rows: deque[Entry] = field(default_factory=lambda: deque(maxlen=ROWS))
    scores: deque[tuple[str, Value]] = field(
        default_factory=lambda: deque(maxlen=SCORES)
    )
    durations: Durations = field(default_factory=Durations)


class Recent:
    """The last predictions and refusals of a server. Threads may share it.

    Args:
        clock_us: the time, in microseconds.
    """

    def __init__(self, clock_us: Callable[[], int] = lambda: time.time_ns() // 1000):
        self._clock_us = clock_us
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._refused: Counter[str] = Counter()
        self._refused_lately: deque[tuple[int, Counter[str]]] = deque(maxlen=SLOTS)
        self.started_us = clock_us()

    def add(
        self,
        application: str,
        entries: Iterable[Entry],
        duration_us: float | None = None,
    ) -> None:
        """Remember predictions that were answered.

        Args:
            application: that made them; beyond 200 applications none is remembered.
            entries: one of a request, or all of a batch.
            duration_us: how long the request took; None leaves the latency as it is, as
                for a batch, whose time says nothing of a single one's.
        """
        new = list(entries)
        with self._lock:
            kept = self._kept.get(application)
            if kept is None:
                if len(self._kept) >= APPLICATIONS:
                    return
                kept = self._kept[application] = _Kept()
            kept.total += len(new)
            kept.rows.extend(new[-ROWS:])
            kept.scores.extend((each.version, each.value) for each in new[-SCORES:])
            if duration_us is not None:
                kept.durations.add(self._clock_us(), duration_us)

    def refuse(self, reason: str) -> None:
        """Count a request that was not answered as it was asked to be.

        Args:
            reason: a code; beyond 50 different ones they are counted as "other".
        """
        slot = self._clock_us() // SLOT_US
        with self._lock:
            if reason not in self._refused and len(self._refused) >= REASONS:
                reason = OTHER
            self._refused[reason] += 1
            if not self._refused_lately or self._refused_lately[-1][0] != slot:
                self._refused_lately.append((slot, Counter()))
            self._refused_lately[-1][1][reason] += 1

    def glimpse(self, application: str) -> Glimpse:
        """The last predictions of an application; nothing if there were none."""
        now_us = self._clock_us()
        with self._lock:
            kept = self._kept.get(application) or _Kept()
            return Glimpse(
                kept.total,
                tuple(islice(reversed(kept.rows), ROWS)),
                tuple(kept.scores),
                kept.durations.whole(now_us),
                tuple(kept.durations.series(now_us)),
            )

    def refusals(self) -> Mapping[str, tuple[int, int]]:
        """By reason how many were refused, since the start and in ten minutes."""
        first = self._clock_us() // SLOT_US - SLOTS + 1
        with self._lock:
            lately: Counter[str] = Counter()
            for slot, counts in self._refused_lately:
                if slot >= first:
                    lately.update(counts)
            return {
                reason: (count, lately[reason])
                for reason, count in self._refused.most_common()
            }

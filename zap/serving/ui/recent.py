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
from typing import Any, NamedTuple, Protocol

from zap.serving.ui.durations import SLOT_US, SLOTS, Durations, Spread

ROWS = 100
SCORES = 5_000
APPLICATIONS = 200
REASONS = 50
OTHER = "other"
PREDICTION = "/v1/predictions/{application}"
_PROBES = frozenset({"/health", "/ready", "/metrics", "/ui/data"})
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


class Answered(Protocol):
    """An answer, of which the console takes what is not about the subject."""

    @property
    def prediction_id(self) -> str:
        """Names it."""

    @property
    def application(self) -> str:
        """Which question."""

    @property
    def version(self) -> str:
        """Of the model."""

    @property
    def score(self) -> float | list[float]:
        """The number or numbers."""

    @property
    def segment(self) -> str | None:
        """Its part of all predictions."""

    @property
    def events(self) -> int:
        """How many were used."""


def entry_of(answer: Answered, time_us: int) -> Entry:
    """What the console shows of an answer."""
    score = answer.score
    value = tuple(score) if isinstance(score, list) else score
    name, version = answer.prediction_id, answer.version
    return Entry(name, time_us, version, value, answer.segment, answer.events)


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

    def add(self, answers: Iterable[Answered]) -> None:
        """Remember predictions of one application that were answered.

        Args:
            answers: the one of a request, or all of a batch. Beyond 200 applications
                those of further ones are left out.
        """
        now_us = self._clock_us()
        new = [(each.application, entry_of(each, now_us)) for each in answers]
        if not new:
            return
        entries = [entry for _, entry in new]
        with self._lock:
            kept = self._of(new[0][0])
            if kept is not None:
                kept.total += len(new)
                kept.rows.extend(entries[-ROWS:])
                scores = [(each.version, each.value) for each in entries[-SCORES:]]
                kept.scores.extend(scores)

    def took(self, application: str, duration_us: float) -> None:
        """Count how long a request for one prediction took, waiting included."""
        with self._lock:
            kept = self._of(application)
            if kept is not None:
                kept.durations.add(self._clock_us(), duration_us)

    def see(self, line: Mapping[str, Any]) -> None:
        """Take what is of interest from the line that is logged of a request.

        Args:
            line: route, status, ms, and application and code where there are any.
        """
        status, application = line["status"], line.get("application")
        if status >= 400:
            if line["route"] not in _PROBES:
                self.refuse(str(line.get("code") or f"status {status}"))
        elif line["route"] == PREDICTION and application is not None:
            self.took(application, 1000 * line["ms"])

    def _of(self, application: str) -> _Kept | None:
        kept = self._kept.get(application)
        if kept is None and len(self._kept) < APPLICATIONS:
            kept = self._kept[application] = _Kept()
        return kept

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
            total, rows, scores = kept.total, tuple(kept.rows), tuple(kept.scores)
            recent = kept.durations.recent(now_us)
        whole, series = recent.whole(), tuple(recent.series())
        return Glimpse(total, rows[::-1], scores, whole, series)

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

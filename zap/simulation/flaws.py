"""What is wrong with real data, done to simulated rows on purpose.

Late rows keep their time but arrive long after. Duplicates and broken rows are added to
the rows that are there, not made of them: so nothing that happened gets lost, and the
truth of all other rows stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from zap.encoding.columns import IntArray
from zap.simulation.settings import Settings

FAULTS = ("none", "late", "duplicate", "broken_time", "absurd_time", "broken_type")
LATE, DUPLICATE, NO_TIME, ABSURD_TIME, NO_TYPE = range(1, len(FAULTS))
_LATE_FROM_MS, _LATE_UNTIL_MS = 5 * 60_000, 3 * 86_400_000
ABSURD_MS = (-62_135_596_800_000, 32_503_680_000_000_000)  # the year 1, and no year


@dataclass(frozen=True)
class Sent:
    """The rows as they are sent; int64 arrays of shape (rows,).

    Attributes:
        event: the event that a row is about.
        received_ms: when it came in.
        fault: index into ``FAULTS``.
        own: the row with whose id it is sent: itself, but for duplicates.
    """

    event: IntArray
    received_ms: IntArray
    fault: IntArray
    own: IntArray

    def take(self, rows: IntArray) -> Sent:
        """The rows at ``rows``, in that order."""
        return Sent(*(getattr(self, field.name)[rows] for field in fields(self)))


def send(
    random: np.random.Generator,
    time_ms: IntArray,
    received_ms: IntArray,
    settings: Settings,
) -> Sent:
    """The rows of events, with what goes wrong on the way.

    Args:
        random: the source of chance.
        time_ms: int64, shape (events,): when events happened.
        received_ms: int64, shape (events,): when they come in if nothing goes wrong.
        settings: shares of late, duplicate and broken rows among all.
    """
    events = len(time_ms)
    sound = 1 - settings.duplicates - settings.broken
    if sound <= 0:
        repeats = breaks = events
    else:
        repeats = round(events * settings.duplicates / sound)
        breaks = round(events * settings.broken / sound)
    late = random.random(events) * max(sound, 0.01) < settings.late
    span = np.log(_LATE_UNTIL_MS / _LATE_FROM_MS)
    delay = _LATE_FROM_MS * np.exp(random.random(events) * span)
    received = np.where(late, time_ms + delay.astype(np.int64), received_ms)
    again = random.integers(0, events, repeats)
    again = np.sort(again[~late[again]])
    broken = np.sort(random.integers(0, events, breaks))
    retried = random.integers(1_000, 60_000, len(again))
    how = random.integers(NO_TIME, NO_TYPE + 1, len(broken))
    whole = np.arange(events)
    extra = np.arange(events + len(again), events + len(again) + len(broken))
    return Sent(
        event=np.concatenate([whole, again, broken]),
        received_ms=np.concatenate(
            [received, received_ms[again] + retried, received_ms[broken]]
        ),
        fault=np.concatenate(
            [np.where(late, LATE, 0), np.full(len(again), DUPLICATE), how]
        ),
        own=np.concatenate([whole, again, extra]),
    )

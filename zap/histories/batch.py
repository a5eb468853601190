"""A batch of histories: whole subjects, in total order, with their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zap.encoding.columns import FlatHistories, IntArray


@dataclass(frozen=True)
class HistoryBatch(FlatHistories):
    """The histories of many subjects.

    Attributes:
        subject: the subjects' names, one a row.
        subject_hash: int64, shape (subjects,): their hashes.
        received_us: int64, shape (events,): when each event was received, its timestamp
            where that is not known; None where no event tells.
        session_start: int64, shape (events,): first event of the event's session.
        session_stop: int64, shape (events,): one past the last event of its session.
        session_gap_us: the inactivity that cuts sessions, None for one a history.
    """

    subject: Sequence[str]
    subject_hash: IntArray
    received_us: IntArray | None
    session_start: IntArray
    session_stop: IntArray
    session_gap_us: int | None

    @property
    def known_us(self) -> IntArray:
        """When each event was known: received_us, else the timestamp."""
        return self.time_us if self.received_us is None else self.received_us

    def rows(self) -> IntArray:
        """The subject's row of each event; int64, shape (events,)."""
        return np.repeat(np.arange(self.subjects), np.diff(self.offsets))


def session_bounds(
    offsets: IntArray, time_us: IntArray, gap_us: int | None
) -> tuple[IntArray, IntArray]:
    """First event and end of each event's session.

    A session is cut where more than ``gap_us`` passes between two events of a subject.

    Args:
        offsets: int64, shape (subjects + 1,).
        time_us: int64, shape (events,), sorted within each subject.
        gap_us: the inactivity that cuts; None: a history is one session.

    Returns:
        Two int64 arrays of shape (events,).
    """
    events = len(time_us)
    begins = np.zeros(events + 1, bool)
    begins[offsets] = True
    if gap_us is not None and events:
        begins[1:-1] |= np.diff(time_us) > gap_us
    edges = np.flatnonzero(begins)
    session = np.cumsum(begins[:-1]) - 1
    return edges[session], edges[session + 1]

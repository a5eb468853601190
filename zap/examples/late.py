"""Late events: those whose timestamp lies before a cutoff, but that came after it.

A late event belongs neither to the past nor to the future of its cutoff. Rather than
teach every window about it, a cutoff with late events gets a history of its own without
them; all others share theirs. So every past stays a plain range of events, and the
price is paid only by the cutoffs concerned.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, IntArray
from zap.histories.batch import HistoryBatch, session_bounds


def without_late_events(
    histories: HistoryBatch, cutoffs: Cutoffs, timed: bool
) -> tuple[HistoryBatch, Cutoffs, int]:
    """Histories in which no cutoff's past holds an event that came after it.

    Args:
        histories: the batch.
        cutoffs: the cutoffs on it.
        timed: whether an event received at the very instant is late too: for ``at(t)``
            the past is what was received before t, for ``after(event)`` what was
            received up to that event.

    Returns:
        The histories, with one more for each cutoff concerned; the cutoffs; and the
        number of late (cutoff, event) pairs.
    """
    if histories.received_us is None or not len(cutoffs):
        return histories, cutoffs, 0
    limit = cutoffs.instant_us - (1 if timed else 0)
    newest = _running_maximum(histories)
    concerned = np.flatnonzero(newest[cutoffs.position - 1] > limit)
    if not len(concerned):
        return histories, cutoffs, 0
    events, owner, late = _copied_events(histories, cutoffs, concerned, limit)
    own = np.bincount(owner[~late], minlength=len(concerned))
    added = np.cumsum(own)
    keep = events[~late]
    before = np.bincount(
        owner, ~late & (events < cutoffs.position[concerned][owner]), len(concerned)
    ).astype(np.int64)
    position, subject = cutoffs.position.copy(), cutoffs.subject.copy()
    position[concerned] = histories.events + added - own + before
    subject[concerned] = histories.subjects + np.arange(len(concerned))
    extended = _extended(histories, cutoffs.subject[concerned], keep, added)
    return (
        extended,
        replace(cutoffs, position=position, subject=subject),
        int(late.sum()),
    )


def _running_maximum(histories: HistoryBatch) -> IntArray:
    """The latest receipt among a subject's events up to each one."""
    distinct, rank = np.unique(histories.known_us, return_inverse=True)
    floor = histories.rows() * len(distinct)
    return distinct[np.maximum.accumulate(floor + rank) - floor]


def _copied_events(
    histories: HistoryBatch, cutoffs: Cutoffs, concerned: IntArray, limit: IntArray
) -> tuple[IntArray, IntArray, BoolArray]:
    """All events of the concerned cutoffs' subjects, whose they are, which are late."""
    rows = cutoffs.subject[concerned]
    first, lengths = histories.offsets[rows], np.diff(histories.offsets)[rows]
    owner = np.repeat(np.arange(len(concerned)), lengths)
    ends = np.cumsum(lengths)
    events = np.arange(ends[-1]) - (ends - lengths)[owner] + first[owner]
    in_past = events < cutoffs.position[concerned][owner]
    late = in_past & (histories.known_us[events] > limit[concerned][owner])
    return events, owner, late


def _extended(
    histories: HistoryBatch, rows: IntArray, keep: IntArray, added: IntArray
) -> HistoryBatch:
    every = np.concatenate((np.arange(histories.events), keep))
    offsets = np.concatenate((histories.offsets, histories.events + added))
    time_us = histories.time_us[every]
    start, stop = session_bounds(offsets, time_us, histories.session_gap_us)
    return replace(
        histories,
        offsets=offsets,
        time_us=time_us,
        columns={name: col.take(every) for name, col in histories.columns.items()},
        subject=[*histories.subject, *(histories.subject[row] for row in rows)],
        subject_hash=np.concatenate(
            (histories.subject_hash, histories.subject_hash[rows])
        ),
        received_us=histories.known_us[every],
        session_start=start,
        session_stop=stop,
    )

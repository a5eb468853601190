"""Late events: those whose timestamp lies before a cutoff, but that came after it.

A late event belongs neither to the past nor to the future of its cutoff. Rather than
teach every window about it, cutoffs with late events get a history of their own without
them; all others share theirs. So every past stays a plain range of events, and the
price is paid only where events are late: one copy of a history for each distinct set of
late events.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zap.encoding.columns import Cutoffs, IntArray
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
        The histories, with one more for each distinct set of late events; the cutoffs;
        and the number of late (cutoff, event) pairs.
    """
    if histories.received_us is None or not len(cutoffs):
        return histories, cutoffs, 0
    limit = cutoffs.instant_us - (1 if timed else 0)
    late_cutoff, late_event = _late_pairs(histories, cutoffs, limit)
    if not len(late_cutoff):
        return histories, cutoffs, 0
    concerned, first = np.unique(late_cutoff, return_index=True)
    sets = np.split(late_event, first[1:])
    groups: dict[bytes, int] = {}
    group = np.array([groups.setdefault(s.tobytes(), len(groups)) for s in sets])
    chosen = np.unique(group, return_index=True)[1]
    rows = cutoffs.subject[concerned[chosen]]
    extended = _extended(histories, rows, [sets[place] for place in chosen])
    subject, position = cutoffs.subject.copy(), cutoffs.position.copy()
    before = position[concerned] - histories.offsets[subject[concerned]]
    dropped = np.array([len(each) for each in sets])
    subject[concerned] = histories.subjects + group
    position[concerned] = extended.offsets[subject[concerned]] + before - dropped
    cutoffs = replace(cutoffs, subject=subject, position=position)
    return extended, cutoffs, len(late_event)


def _late_pairs(
    histories: HistoryBatch, cutoffs: Cutoffs, limit: IntArray
) -> tuple[IntArray, IntArray]:
    """All pairs of a cutoff and an event late for it, sorted by both.

    An event can be late only for cutoffs of its subject that lie after it, and only if
    one of these has a limit before its receipt; other events are never looked at again.
    """
    known, stop = histories.known_us, histories.offsets[1:]
    order = np.lexsort((cutoffs.position, cutoffs.subject))
    ends = np.searchsorted(cutoffs.subject[order], np.arange(len(stop)), "right")
    rows = histories.rows()
    # Positions ascend over the whole order, as subjects own ascending ranges of events.
    first = np.searchsorted(cutoffs.position[order], np.arange(len(known)), "right")
    last = ends[rows]
    lowest = _lowest_from(limit[order], ends)
    candidates = np.flatnonzero(
        (first < last) & (lowest[np.minimum(first, len(order) - 1)] < known)
    )
    lengths = last[candidates] - first[candidates]
    event = np.repeat(candidates, lengths)
    within = np.arange(len(event)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    cutoff = order[np.repeat(first[candidates], lengths) + within]
    late = known[event] > limit[cutoff]
    cutoff, event = cutoff[late], event[late]
    sort = np.lexsort((event, cutoff))
    return cutoff[sort], event[sort]


def _lowest_from(limit: IntArray, ends: IntArray) -> IntArray:
    """The lowest limit from each cutoff on to the end of its subject's cutoffs."""
    distinct, rank = np.unique(limit, return_inverse=True)
    subject = np.searchsorted(ends, np.arange(len(limit)), "right")
    # Backwards, a later subject's numbers are higher, so that they never win.
    floor = subject * len(distinct)
    lowest = np.minimum.accumulate((rank + floor)[::-1])[::-1] - floor
    return distinct[lowest]


def _extended(
    histories: HistoryBatch, rows: IntArray, late: list[IntArray]
) -> HistoryBatch:
    """The batch with a copy of each row's history, less its late events, at its end."""
    bounds = zip(histories.offsets[rows], histories.offsets[rows + 1], strict=True)
    copies = [
        np.setdiff1d(np.arange(start, stop), events, assume_unique=True)
        for (start, stop), events in zip(bounds, late, strict=True)
    ]
    added = np.cumsum([len(copy) for copy in copies])
    every = np.concatenate((np.arange(histories.events), *copies))
    offsets = np.concatenate((histories.offsets, histories.events + added))
    time_us = histories.time_us[every]
    gap_us, types = histories.session_gap_us, histories.columns["type"].take(every)
    start, stop = session_bounds(offsets, time_us, gap_us, types)
    hashes = histories.subject_hash
    return replace(
        histories,
        offsets=offsets,
        time_us=time_us,
        columns={name: col.take(every) for name, col in histories.columns.items()},
        subject=[*histories.subject, *(histories.subject[row] for row in rows)],
        subject_hash=np.concatenate((hashes, hashes[rows])),
        received_us=histories.known_us[every],
        session_start=start,
        session_stop=stop,
    )

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
from zap.histories.batch import HistoryBatch, with_copies


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
    dropped = np.diff(first, append=len(late_cutoff))
    group, chosen = _equal_sets(late_event, first, dropped)
    rows = cutoffs.subject[concerned[chosen]]
    sets = [
        late_event[at : at + many]
        for at, many in zip(first[chosen], dropped[chosen], strict=True)
    ]
    extended = _extended(histories, rows, sets)
    subject, position = cutoffs.subject.copy(), cutoffs.position.copy()
    before = position[concerned] - histories.offsets[subject[concerned]]
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


def _equal_sets(
    late_event: IntArray, first: IntArray, size: IntArray
) -> tuple[IntArray, IntArray]:
    """Cutoffs with the same late events: the group of each, and a first of each group.

    Args:
        late_event: the late events of all cutoffs.
        first: where those of each begin.
        size: how many each has.
    """
    # Neighbours mostly share theirs; only where a new set begins is it looked up.
    like = np.flatnonzero(size[1:] == size[:-1]) + 1
    lengths = size[like]
    at = np.repeat(np.cumsum(lengths) - lengths, lengths)
    within = np.arange(len(at)) - at
    here = late_event[np.repeat(first[like], lengths) + within]
    there = late_event[np.repeat(first[like - 1], lengths) + within]
    differs = np.add.reduceat(
        here != there, np.cumsum(lengths) - lengths, dtype=np.int64
    )
    fresh = np.ones(len(size), bool)
    fresh[like] = differs > 0
    heads = np.flatnonzero(fresh)
    groups: dict[bytes, int] = {}
    of_head = np.array(
        [
            groups.setdefault(
                late_event[first[head] : first[head] + size[head]].tobytes(),
                len(groups),
            )
            for head in heads
        ]
    )
    chosen = heads[np.unique(of_head, return_index=True)[1]]
    return of_head[np.cumsum(fresh) - 1], chosen


def _extended(
    histories: HistoryBatch, rows: IntArray, late: list[IntArray]
) -> HistoryBatch:
    """The batch with a copy of each row's history, less its late events, at its end."""
    start = histories.offsets[rows]
    lengths = histories.offsets[rows + 1] - start
    ends = np.cumsum(lengths)
    every = np.arange(ends[-1]) + np.repeat(start - (ends - lengths), lengths)
    shift = np.repeat(ends - lengths - start, [len(events) for events in late])
    keep = np.ones(len(every), bool)
    keep[np.concatenate(late) + shift] = False
    kept = np.concatenate(([0], np.cumsum(keep)))[ends[:-1]]
    copies = np.split(every[keep], kept)
    names = [histories.subject[row] for row in rows]
    return with_copies(histories, copies, rows, names)

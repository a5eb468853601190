"""What limits and repeats count: what a subject did, not what is known of it.

Rows of dimensions stand in a history beside its events. If they counted, a nightly
snapshot would push a subject over a limit, or keep a repeated event from being found.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import BoolArray, Column, Int32Array, IntArray
from zap.encoding.dimensions import activity_mask, last_before


def large_subjects(
    places: Int32Array, sizes: IntArray, types: Column, most: int
) -> BoolArray:
    """Subjects with more than ``most`` events, or more than ``most`` dimension rows.

    Args:
        places: shape (events,): the subject of each event.
        sizes: shape (subjects,): the events of each, dimension rows included.
        types: the events' types.
        most: of either.
    """
    did = np.bincount(places[activity_mask(types)], minlength=len(sizes))
    return np.asarray((did > most) | (sizes - did > most))


def long_sessions(
    active: BoolArray, start: IntArray, stop: IntArray, most: int
) -> BoolArray:
    """Events of sessions with more than ``most`` of them; dimension rows stay."""
    before = np.concatenate(([0], np.cumsum(active)))
    return np.asarray(active & (before[stop] - before[start] > most))


def previous_active(types: Column, offsets: IntArray) -> tuple[IntArray, BoolArray]:
    """The event before each one, and where there is one; both of shape (events,).

    A dimension row has none before it, so that it never repeats another.
    """
    active = activity_mask(types)
    previous = last_before(active, np.arange(len(active)))
    first = np.repeat(offsets[:-1], np.diff(offsets))
    there = active & (previous >= first)
    return np.where(there, previous, 0), there

"""From slices of histories to encoded visits, one dataset layout or the other.

``visits`` stores the events of a history once for all its cutoffs; ``instances`` stores
them again for each. Both are `Visits`: in the second, each holds one cutoff.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zap.datasets.visits import Visits, take_rows
from zap.encoding.columns import IntArray
from zap.encoding.encoder import Encoder
from zap.examples.evaluate import Context
from zap.examples.generator import Generator
from zap.examples.slicing import Slices

LAYOUTS = ("visits", "instances")


def assemble(
    slices: Slices, encoder: Encoder, with_sources: bool = False
) -> tuple[Visits, IntArray]:
    """All examples of a batch, encoded, one visit for each history that has any.

    Only the events that an instance holds are kept: nothing of the future of a
    history's last cutoff, and nothing older than its first instance.

    Args:
        slices: cutoffs and labels, sorted by history.
        encoder: the fitted encoder.
        with_sources: whether each entry is to say which features made it.

    Returns:
        The visits, and the index in the histories of each of their event rows.
    """
    histories, cutoffs = slices.histories, slices.cutoffs
    kept, start, stop = encoder.windows(histories, cutoffs)
    rows, first, counts = np.unique(
        cutoffs.subject, return_index=True, return_counts=True
    )
    low, high = _hulls(first, start, stop)
    events, event_offsets = _ranges(low, high)
    shift = np.repeat(event_offsets[:-1] - low, counts)
    visits = Visits(
        subject_hash=histories.subject_hash[rows],
        event_offsets=event_offsets,
        events=encoder.encode_events(histories, kept[events], with_sources),
        cutoff_offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        start=start + shift,
        stop=stop + shift,
        instant_us=cutoffs.instant_us,
        label=slices.label,
        weight=slices.weight,
        metadata=encoder.encode_metadata(histories, cutoffs, with_sources),
        statistics=slices.statistics,
        baseline=slices.baseline,
        moment=slices.moment,
    )
    return visits, kept[events]


def label_reach(generator: Generator, slices: Slices) -> IntArray:
    """How far after its instant each label looks; microseconds, shape (cutoffs,).

    A label on the rest of a session looks until the session is known to have ended.
    """
    histories, cutoffs = slices.histories, slices.cutoffs
    reach = np.full(len(cutoffs), generator.observes_us(), np.int64)
    if generator.observes_session() and histories.events:
        ends = Context(histories).session_known_us(cutoffs)
        reach = np.maximum(reach, ends - cutoffs.instant_us)
    return reach


def in_split(visits: Visits, part: NDArray[np.int8], wanted: int) -> Visits:
    """The visits with the cutoffs of one part, without the events only others need.

    Args:
        visits: all visits.
        part: int8, shape (cutoffs,): the part of each cutoff.
        wanted: the part.
    """
    chosen = visits.take_cutoffs(part == wanted)
    chosen = chosen.take_visits(np.diff(chosen.cutoff_offsets) > 0)
    if not len(chosen):
        return chosen
    low, high = _hulls(chosen.cutoff_offsets[:-1], chosen.start, chosen.stop)
    events, event_offsets = _ranges(low, high)
    shift = np.repeat(event_offsets[:-1] - low, np.diff(chosen.cutoff_offsets))
    return replace(
        chosen,
        event_offsets=event_offsets,
        events=take_rows(chosen.events, events),
        start=chosen.start + shift,
        stop=chosen.stop + shift,
    )


def as_instances(visits: Visits) -> Visits:
    """The same examples in the layout ``instances``: one visit for each cutoff."""
    events, event_offsets = _ranges(visits.start, visits.stop)
    return replace(
        visits,
        subject_hash=visits.subjects_of_cutoffs(),
        event_offsets=event_offsets,
        events=take_rows(visits.events, events),
        cutoff_offsets=np.arange(visits.cutoffs + 1),
        start=event_offsets[:-1],
        stop=event_offsets[1:],
    )


def _hulls(
    first: IntArray, start: IntArray, stop: IntArray
) -> tuple[IntArray, IntArray]:
    """The least range that holds all ranges of each group that begins at ``first``."""
    if not len(first):
        return first, first
    return np.minimum.reduceat(start, first), np.maximum.reduceat(stop, first)


def _ranges(start: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """All places of the ranges after one another, and where each range begins."""
    lengths = stop - start
    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    places = np.arange(ends[-1]) + np.repeat(start - ends[:-1], lengths)
    return places, ends

"""Rules that count a session's events of a kind: the n-th, or k of them at random.

`Nth` counts what was known at each event, so it is honest also where events come late.
`RandomK` must know how many events a session has before it can draw among them; what
that choice does to sums over examples, its weights undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import mmh3
import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, FloatArray, IntArray
from zap.encoding.windows import count_in
from zap.errors import GeneratorError
from zap.examples.evaluate import Context
from zap.examples.late import without_late_events
from zap.examples.observed import ObservedRange
from zap.examples.predicates import Event
from zap.examples.rules import CutoffRule, after_events
from zap.histories.batch import HistoryBatch

RANDOM_K_SEED = 0xD2A
"""Seed of the draw. Changing it draws other cutoffs."""


@dataclass(frozen=True)
class Nth(CutoffRule):
    """After the n-th event of a kind in a session, counting what was known at it.

    An event is the n-th if it is the n-th match among the events of its session in its
    own past: those before it in total order that had been received when it was. Where
    events come late, several events of a session can be the n-th; the one with the
    earliest instant is taken, and those after it are not, as far as they lie in one
    session with it by what was known at their own instants.
    """

    event: Event
    n: int

    def __post_init__(self) -> None:
        if not isinstance(self.n, int) or self.n < 1:
            raise GeneratorError(
                f"nth() counts from 1. Received: n={self.n!r}. "
                "nth(event, 3) is the cutoff after the third."
            )

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        matching = np.flatnonzero(context.mask(self.event))
        cutoffs = after_events(context, matching)
        known, own, _ = without_late_events(context.histories, cutoffs, False)
        mask = self.event.mask(known.columns)
        start = known.session_start[own.position - 1]
        cutoffs = cutoffs.select(count_in(mask, start, own.position) == self.n)
        return cutoffs.select(_first_of_session(context.histories, cutoffs))

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.event,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "nth", "event": self.event.to_dict(), "n": self.n}


def _first_of_session(histories: HistoryBatch, cutoffs: Cutoffs) -> BoolArray:
    """Cutoffs that no other comes before, in what was one session at their instant."""
    sessions = histories.session_start[cutoffs.position - 1]
    order = np.lexsort((cutoffs.position, cutoffs.instant_us, sessions))
    starts = np.flatnonzero(np.diff(sessions[order], prepend=-1))
    first = np.ones(len(cutoffs), bool)
    for group in np.split(order, starts[1:]):
        for place in range(1, len(group)):
            together = _session_known(histories, cutoffs, group[place])
            before = cutoffs.position[group[:place]] - 1
            first[group[place]] = not np.isin(before, together).any()
    return first


def _session_known(histories: HistoryBatch, cutoffs: Cutoffs, which: int) -> IntArray:
    """The events of a cutoff's session by what was known at its instant."""
    event = cutoffs.position[which] - 1
    start, stop = histories.session_start[event], histories.session_stop[event]
    known = histories.known_us[start:stop] <= cutoffs.instant_us[which]
    events: IntArray = start + np.flatnonzero(known)
    if histories.session_gap_us is None:
        return events
    times = histories.time_us[events]
    session = np.cumsum(np.diff(times, prepend=times[0]) > histories.session_gap_us)
    same: IntArray = events[session == session[np.searchsorted(events, event)]]
    return same


@dataclass(frozen=True)
class RandomK(CutoffRule):
    """After k events of a kind in each session, drawn by a hash, or all if fewer.

    Drawing among a session's events needs the session's end, so the rule anticipates:
    of a short session a larger share is drawn. Each cutoff weighs (events of the kind
    in the session) / (events drawn); then the expected sum of any number over the
    drawn cutoffs of a session, weighted, is its sum over all events of the kind
    (Horvitz and Thompson's estimator of a total: each event is drawn with a
    probability of one over that weight).
    """

    event: Event
    k: int
    anticipating: ClassVar[bool] = True
    repaired_by_weight: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise GeneratorError(
                "random_k() draws at least one event of a session. "
                f"Received: k={self.k!r}."
            )

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        events = np.flatnonzero(context.mask(self.event))
        cutoffs = after_events(context, events)
        session = context.histories.session_start[events]
        # Only where there are more than k events is anything drawn.
        drawn = np.flatnonzero(self._lengths(context, cutoffs) > self.k)
        keys = _draw_keys(context.histories, cutoffs.select(drawn))
        order = np.lexsort((keys, session[drawn]))
        begins = np.searchsorted(session[drawn], session[drawn][order])
        rank = np.zeros(len(events), np.int64)
        rank[drawn[order]] = np.arange(len(drawn)) - begins
        return cutoffs.select(rank < self.k)

    def weights(self, context: Context, cutoffs: Cutoffs) -> FloatArray:
        lengths = self._lengths(context, cutoffs)
        return lengths / np.minimum(lengths, self.k)

    def _lengths(self, context: Context, cutoffs: Cutoffs) -> IntArray:
        """Events of the kind in the session of each cutoff."""
        histories, event = context.histories, cutoffs.position - 1
        start, stop = histories.session_start[event], histories.session_stop[event]
        return count_in(context.mask(self.event), start, stop)

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.event,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "random_k", "event": self.event.to_dict(), "k": self.k}


def _draw_keys(histories: HistoryBatch, cutoffs: Cutoffs) -> IntArray:
    """A hash of subject, session and place of each cutoff's event; int64."""
    event = cutoffs.position - 1
    session, first = histories.session_start[event], histories.offsets[cutoffs.subject]
    rows = zip(
        histories.subject_hash[cutoffs.subject].tolist(),
        (session - first).tolist(),
        (event - session).tolist(),
        strict=True,
    )
    texts = (f"{subject}/{start}/{place}" for subject, start, place in rows)
    keys = [mmh3.hash64(text.encode(), RANDOM_K_SEED)[0] for text in texts]
    return np.array(keys, np.int64)

"""Walks all visits at once, step by step, and keeps the truth of each step.

The truth after an event is the chance that the visit ends in a purchase given all that
could be seen so far: the sum over intents of the posterior (the forward filter of a
hidden Markov model) times the chance of buying from the page it is on. No sampling is
in it: it is exact but for the rounding of floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import FloatArray, IntArray
from zap.simulation.chain import UNITS, drawing_table
from zap.simulation.law import Law
from zap.simulation.steps import BUY, FINE, Steps, Visits, Walked

# How the 64 bits of one draw are used: the next page, the bin of the dwell, the place
# within the bin, and the item (which product) that a page shows.
_BIN_SHIFT, _WITHIN_SHIFT, _ITEM_SHIFT = 12, 24, 44


class Walker:
    """The tables of some laws, ready to walk with.

    Args:
        laws: of the same intents, pages and bins; ``Visits.law`` chooses among them.
    """

    def __init__(self, laws: Sequence[Law]):
        chains = [law.chain for law in laws]
        self._pages = chains[0].pages
        self._intents = len(chains[0].moves)
        edges = chains[0].edges_ms
        self._bins = len(edges) - 1
        self._low, self._width = edges[:-1], np.diff(edges)
        self._next = drawing_table(np.stack([c.moves for c in chains])).ravel()
        self._bin = drawing_table(np.stack([c.dwell for c in chains])).ravel()
        self._landing = drawing_table(np.stack([law.landing for law in laws]))
        self._landed = np.stack([law.landed for law in laws])
        self._prior = np.stack([law.prior for law in laws])
        likelihood = np.stack([chain.likelihood for chain in chains])
        self._likelihood = likelihood.reshape(-1, self._intents)
        self._buys = np.concatenate([chain.buys.T for chain in chains])

    def walk(self, random: np.random.Generator, visits: Visits) -> Walked:
        """Walk all visits to their ends."""
        count = len(visits.start_ms)
        prior = self._prior[visits.law, visits.context]
        below = np.cumsum(prior, axis=1)[:, :-1]
        intent = (random.random(count)[:, None] >= below).sum(axis=1)
        draws = _draws(random, count)
        at = (visits.law, visits.campaign)
        page = self._landing[(*at, intent, draws & (UNITS - 1))].astype(np.int64)
        posterior = prior * self._landed[(*at, page)]
        live = _Live(
            visit=np.arange(count),
            law=visits.law,
            wants=(visits.law * self._intents + intent) * self._pages,
            page=page,
            time_ms=visits.start_ms.copy(),
            posterior=posterior,
            event=np.arange(count),
        )
        parts = [self._viewed(live, draws, np.full(count, -1), 1)]
        end_ms, bought = visits.start_ms.copy(), np.zeros(count, bool)
        events = count
        while len(live.visit):
            draws = _draws(random, len(live.visit))
            purchases, live, views = self._step(live, draws, events, len(parts) + 1)
            bought[purchases.visit] = True
            for steps in (purchases, views):
                end_ms[steps.visit] = steps.time_ms
            parts.append(Steps.joined([views, purchases]))
            events += len(parts[-1])
        return Walked(Steps.joined(parts), intent, end_ms, bought)

    def _step(
        self, live: _Live, draws: IntArray, events: int, number: int
    ) -> tuple[Steps, _Live, Steps]:
        """One step of all that have not left: purchases, those that go on, views."""
        place = (live.wants + live.page) * UNITS
        after = self._next.take(place + (draws & (UNITS - 1)))
        bins = self._bin.take(place + ((draws >> _BIN_SHIFT) & (UNITS - 1)))
        within = (draws >> _WITHIN_SHIFT) & (FINE - 1)
        dwell = self._low.take(bins) + ((self._width.take(bins) * within) >> 20)
        time_ms = live.time_ms + dwell
        bought = np.flatnonzero(after == self._pages + 1)
        purchases = _purchases(live, bought, time_ms, draws, number)
        stays = np.flatnonzero(after < self._pages)
        page = after.take(stays).astype(np.int64)
        law = live.law.take(stays)
        step = (law * self._pages + live.page.take(stays)) * self._pages + page
        seen = self._likelihood.take(step * self._bins + bins.take(stays), axis=0)
        gone_on = _Live(
            visit=live.visit.take(stays),
            law=law,
            wants=live.wants.take(stays),
            page=page,
            time_ms=time_ms.take(stays),
            posterior=live.posterior.take(stays, axis=0) * seen,
            event=np.arange(events, events + len(stays)),
        )
        views = self._viewed(gone_on, draws.take(stays), live.event.take(stays), number)
        return purchases, gone_on, views

    def _viewed(
        self, live: _Live, draws: IntArray, previous: IntArray, number: int
    ) -> Steps:
        """The page views of those that are on a page now, with their truth."""
        posterior = live.posterior
        posterior /= posterior.sum(axis=1)[:, None]
        buys = self._buys.take(live.law * self._pages + live.page, axis=0)
        return Steps(
            visit=live.visit,
            time_ms=live.time_ms,
            page=live.page.astype(np.int8),
            item=_item(draws),
            previous=previous,
            number=np.full(len(draws), number, np.int32),
            probability=np.einsum("ij,ij->i", posterior, buys),
        )


@dataclass(frozen=True)
class _Live:
    """Visits that are on a page; arrays of shape (live,), the posterior (live, K).

    ``wants`` is the row of the drawing tables that belongs to law and intent, ``event``
    the row of the page view that they are at.
    """

    visit: IntArray
    law: IntArray
    wants: IntArray
    page: IntArray
    time_ms: IntArray
    posterior: FloatArray
    event: IntArray


def _draws(random: np.random.Generator, count: int) -> IntArray:
    """Random bits; int64, shape (count,). Their stream is fixed for all of numpy."""
    bits: NDArray[np.uint64] = random.bit_generator.random_raw(count)
    return bits.view(np.int64)


def _item(draws: IntArray) -> NDArray[np.int32]:
    return ((draws >> _ITEM_SHIFT) & (FINE - 1)).astype(np.int32)


def _purchases(
    live: _Live, rows: IntArray, time_ms: IntArray, draws: IntArray, number: int
) -> Steps:
    return Steps(
        visit=live.visit[rows],
        time_ms=time_ms[rows],
        page=np.full(len(rows), BUY, np.int8),
        item=_item(draws[rows]),
        previous=live.event[rows],
        number=np.full(len(rows), number, np.int32),
        probability=np.ones(len(rows)),
    )

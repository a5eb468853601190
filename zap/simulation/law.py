"""The shop's numbers as the chances that visits are drawn from, with and without drift.

The drift is a change that a real shop could make: what used to tell a buyer tells less,
so that a model that was trained before it is wrong after it, and not only shifted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zap.encoding.columns import FloatArray, IntArray
from zap.simulation.chain import DWELL_EDGES_MS, UNITS, Chain, blend, in_units
from zap.simulation.shop import (
    BY_BUYER,
    BY_CAMPAIGN,
    BY_DEVICE,
    BY_VISIT,
    DEVICES,
    DWELL_BUYING,
    DWELL_LOOKING,
    DWELL_SIGMA,
    INTENT,
    INTENTS,
    LANDING_LOOKING,
    MOVES_LOOKING,
    PAGES,
    SCALE,
    TILT,
    VISIT_CLASSES,
)


@dataclass(frozen=True)
class Law:
    """All chances of visits at one time: before or after the drift.

    Attributes:
        chain: how a visit goes on.
        prior: float64, shape (contexts, K): what visitors want; see ``context_of``.
        landing: int64, shape (campaigns, K, S): chances of the first page, in units.
    """

    chain: Chain
    prior: FloatArray
    landing: IntArray

    @cached_property
    def landed(self) -> FloatArray:
        """How likely a first page is under each intent; shape (campaigns, S, K)."""
        return np.ascontiguousarray(np.swapaxes(self.landing, 1, 2)) / UNITS


def context_of(
    campaign: IntArray, device: IntArray, visit_class: IntArray, buyer: IntArray
) -> IntArray:
    """The row of ``Law.prior`` of what can be seen as a visit begins.

    Args:
        campaign: index into ``CAMPAIGNS``.
        device: index into ``DEVICES``.
        visit_class: index into ``VISIT_CLASSES``.
        buyer: 1 if a visit with this device before ended in a purchase, else 0.
    """
    row = campaign * len(DEVICES) + device
    row = row * len(VISIT_CLASSES) + visit_class
    return row * 2 + buyer


def shop_law(drift: float = 0.0) -> Law:
    """The shop's law, moved by ``drift`` from its own (0) towards another (1)."""
    looking, tilt = np.array(MOVES_LOOKING, float), np.array(TILT)
    chances = blend(
        _tilted(looking, tilt),
        _harder_checkout(_tilted(_more_carts(looking), tilt)),
        drift,
    )
    chain = Chain(in_units(chances), in_units(_dwell_shares()), DWELL_EDGES_MS)
    landing = _tilted(np.array(LANDING_LOOKING, float), tilt[: len(PAGES)])
    return Law(chain, _prior(drift), in_units(np.swapaxes(landing, 0, 1)))


def _tilted(looking: FloatArray, tilt: FloatArray) -> FloatArray:
    """Shares of each intent; float64, shape (K, rows, choices)."""
    tilted = np.stack([looking * np.exp(place * tilt) for place in SCALE])
    return np.asarray(tilted / tilted.sum(axis=-1, keepdims=True), np.float64)


def _more_carts(looking: FloatArray) -> FloatArray:
    """Carts have become wish lists: who only looks fills them three times as often."""
    product, cart, leave = PAGES.index("product"), PAGES.index("cart"), len(PAGES)
    other = looking.copy()
    other[product, cart] += 2 * looking[product, cart]
    other[product, leave] -= 2 * looking[product, cart]
    return other


def _harder_checkout(moves: FloatArray) -> FloatArray:
    """A new checkout loses two in three of those who would have bought."""
    checkout, leave, buy = PAGES.index("checkout"), len(PAGES), len(PAGES) + 1
    lost = 2 / 3 * moves[:, checkout, buy]
    other = moves.copy()
    other[:, checkout, buy] -= lost
    other[:, checkout, leave] += lost
    return other


def _dwell_shares() -> FloatArray:
    """Shares of the bins of log-normal dwells; float64, shape (K, S, C).

    What lies outside of the edges goes to the outer bins.
    """
    edges = DWELL_EDGES_MS[1:-1] / 1_000
    place = np.array(SCALE)
    medians = (DWELL_LOOKING ** (1 - place) * DWELL_BUYING**place)[:, None]
    z = np.log(edges / medians) / (DWELL_SIGMA * math.sqrt(2))
    below = 0.5 * (1 + np.vectorize(math.erf)(z))
    ends = np.zeros((len(medians), 1))
    shares = np.diff(np.concatenate([ends, below, ends + 1], axis=1))
    return np.repeat(shares[:, None, :], len(PAGES), axis=1)


def _prior(drift: float) -> FloatArray:
    """What visitors want in each context; after the drift more of them only look."""
    added = (
        np.array(BY_CAMPAIGN)[:, None, None, None]
        + np.array(BY_DEVICE)[None, :, None, None]
        + np.array(BY_VISIT)[None, None, :, None]
        + np.array(BY_BUYER)[None, None, None, :]
    ).reshape(-1, 1)
    logits = np.array(INTENT) + added * np.array(SCALE)
    logits[:, INTENTS.index("looking")] += 0.5 * drift
    odds = np.exp(logits)
    prior: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return prior

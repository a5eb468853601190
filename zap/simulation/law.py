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
    DEVICES,
    DWELL_MEDIANS,
    DWELL_SIGMA,
    INTENT,
    INTENT_OF_BUYER,
    INTENT_OF_CAMPAIGN,
    INTENT_OF_DEVICE,
    INTENT_OF_VISIT,
    INTENTS,
    LANDING,
    MOVES,
    PAGES,
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
    moves = np.array(MOVES, np.float64)
    chances = blend(moves, _other_moves(moves), drift)
    chain = Chain(in_units(chances), in_units(_dwell_shares()), DWELL_EDGES_MS)
    return Law(chain, _prior(drift), in_units(LANDING))


def _other_moves(moves: FloatArray) -> FloatArray:
    """The shop after a change for the worse.

    Carts have become wish lists: who only looks or compares fills them three times as
    often. And the new checkout loses half of the purchases.
    """
    product, cart, checkout = (PAGES.index(p) for p in ("product", "cart", "checkout"))
    leave, buy = len(PAGES), len(PAGES) + 1
    other = moves.copy()
    for intent in (INTENTS.index("looking"), INTENTS.index("comparing")):
        more = 2 * moves[intent, product, cart]
        more = min(more, 0.5 * moves[intent, product, leave])
        other[intent, product, cart] += more
        other[intent, product, leave] -= more
    lost = 0.5 * moves[:, checkout, buy]
    other[:, checkout, buy] -= lost
    other[:, checkout, leave] += lost
    return other


def _dwell_shares() -> FloatArray:
    """Shares of the bins of log-normal dwells; float64, shape (K, S, C).

    What lies outside of the edges goes to the outer bins.
    """
    edges = DWELL_EDGES_MS[1:-1] / 1_000
    medians = np.array(DWELL_MEDIANS, np.float64)
    z = np.log(edges / medians[:, :, None]) / (DWELL_SIGMA * math.sqrt(2))
    below = 0.5 * (1 + np.vectorize(math.erf)(z))
    ends = np.zeros((*medians.shape, 1))
    shares: FloatArray = np.diff(np.concatenate([ends, below, ends + 1], axis=-1))
    return shares


def _prior(drift: float) -> FloatArray:
    """What visitors want in each context; after the drift more of them only look."""
    logits = (
        np.array(INTENT)
        + np.array(INTENT_OF_CAMPAIGN)[:, None, None, None]
        + np.array(INTENT_OF_DEVICE)[None, :, None, None]
        + np.array(INTENT_OF_VISIT)[None, None, :, None]
        + np.array(INTENT_OF_BUYER)[None, None, None, :]
    ).reshape(-1, len(INTENTS))
    logits[:, INTENTS.index("looking")] += 0.5 * drift
    odds = np.exp(logits)
    prior: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return prior

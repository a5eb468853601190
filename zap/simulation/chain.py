"""A visit as a walk over pages whose law depends on a hidden intent.

All chances are whole numbers of ``UNITS``, for two reasons: a page or a dwell is drawn
by one look into a table, which is what makes a million events a second possible; and
the chances that are drawn from are then exactly those that the truth is computed with,
to the last digit of a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.encoding.columns import FloatArray, IntArray

UNITS = 4096
"""The parts that a chance of 1 has. Changing it changes every simulated event."""

DWELL_EDGES_MS = 1_000 * np.array(
    [1, 2, 4, 7, 11, 16, 23, 32, 45, 65, 95, 140, 220, 400, 1_500]
)
"""A dwell is drawn by its bin, then evenly within it. The last edge lies below half an
hour, so that a gap of 30 minutes cuts visits and nothing else."""


def in_units(shares: ArrayLike) -> IntArray:
    """Shares as whole numbers that sum to ``UNITS`` along the last axis.

    Each is rounded down, and what is missing goes to those that lost most. A share of 0
    stays 0.
    """
    given = np.asarray(shares, np.float64)
    exact = given / given.sum(axis=-1, keepdims=True) * UNITS
    whole = np.floor(exact + 1e-9).astype(np.int64)
    lost = np.where(given > 0, exact - whole, -1.0)
    rank = np.argsort(np.argsort(-lost, axis=-1, kind="stable"), axis=-1)
    missing = UNITS - whole.sum(axis=-1, keepdims=True)
    counts: IntArray = whole + (rank < missing)
    return counts


def drawing_table(counts: IntArray) -> NDArray[np.int8]:
    """For each row of counts a table of ``UNITS`` entries to look a draw up in.

    Args:
        counts: int64, shape (..., choices), each row summing to ``UNITS``.

    Returns:
        int8, shape (..., UNITS): choice c stands counts[c] times in its row.
    """
    rows = counts.reshape(-1, counts.shape[-1])
    choices = np.tile(np.arange(counts.shape[-1], dtype=np.int8), len(rows))
    return np.repeat(choices, rows.ravel()).reshape(*counts.shape[:-1], UNITS)


@dataclass(frozen=True)
class Chain:
    """The law of a visit: K intents over S pages, with dwells in C bins.

    Attributes:
        moves: int64, shape (K, S, S + 2): chances, in units, of the next page; the last
            two are leaving without a purchase, and the purchase, which ends the visit.
        dwell: int64, shape (K, S, C): chances of the bin of the time spent on a page.
        edges_ms: int64, shape (C + 1,): the bins' edges.
    """

    moves: IntArray
    dwell: IntArray
    edges_ms: IntArray

    def __post_init__(self) -> None:
        intents, pages, _ = self.moves.shape
        assert self.moves.shape[2] == pages + 2
        assert self.dwell.shape == (intents, pages, len(self.edges_ms) - 1)
        for counts in (self.moves, self.dwell):
            assert (counts >= 0).all() and (counts.sum(axis=-1) == UNITS).all()

    @property
    def pages(self) -> int:
        """Number of pages."""
        return int(self.moves.shape[1])

    @cached_property
    def buys(self) -> FloatArray:
        """The chance that a visit ends in a purchase; float64, shape (K, S).

        Of a visit with intent k that is on page s now: the absorption probability b
        that solves b = M b + (chance of buying at once), M the moves between pages.
        """
        chances = self.moves / UNITS
        between = chances[:, :, : self.pages]
        system = np.eye(self.pages) - between
        solved = np.linalg.solve(system, chances[:, :, -1:])[:, :, 0]
        return np.asarray(solved, np.float64)

    @cached_property
    def likelihood(self) -> FloatArray:
        """How likely a step is under each intent; float64, shape (S, S, C, K).

        The step is: from page s, after a dwell in bin c, to page t.
        """
        move = self.moves[:, :, : self.pages] / UNITS
        joint = move[:, :, :, None] * (self.dwell / UNITS)[:, :, None, :]
        return np.ascontiguousarray(np.moveaxis(joint, 0, -1))


def blend(first: FloatArray, second: FloatArray, weight: float) -> FloatArray:
    """Shares between ``first`` (weight 0) and ``second`` (weight 1), row by row."""
    old: FloatArray = first / first.sum(axis=-1, keepdims=True)
    new: FloatArray = second / second.sum(axis=-1, keepdims=True)
    return old * (1 - weight) + new * weight

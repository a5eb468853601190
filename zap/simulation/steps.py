"""Visits that begin, and the events that they are made of, as flat columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray, IntArray

FINE = 1 << 20
"""Which of its items a page shows is a number below this one."""

BUY = -1
"""The page of a purchase's row."""


@dataclass(frozen=True)
class Visits:
    """Visits that begin; int64 arrays of shape (visits,).

    Attributes:
        start_ms: when, in milliseconds since 1970.
        law: which of the laws holds.
        campaign: index into ``CAMPAIGNS``.
        context: row of the law's prior.
    """

    start_ms: IntArray
    law: IntArray
    campaign: IntArray
    context: IntArray


@dataclass(frozen=True)
class Steps:
    """What happened in the visits: page views and purchases; shape (events,) each.

    Attributes:
        visit: int64: row of the visit.
        time_ms: int64.
        page: int8: index into ``PAGES``, or ``BUY``.
        item: int32 in [0, FINE): which of the page's items, evenly.
        previous: int64: the visit's event before, or -1.
        number: int32: the place within the visit, from 1.
        probability: float64: the truth after the event; 1 after a purchase.
    """

    visit: IntArray
    time_ms: IntArray
    page: NDArray[np.int8]
    item: NDArray[np.int32]
    previous: IntArray
    number: NDArray[np.int32]
    probability: FloatArray

    def __len__(self) -> int:
        return len(self.visit)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The events of all parts, whose rows of ``previous`` already fit."""
        return cls(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls))
        )


@dataclass(frozen=True)
class Walked:
    """The outcome of visits.

    Attributes:
        steps: their events, step by step.
        intent: int64, shape (visits,): what each visitor wanted.
        end_ms: int64, shape (visits,): the last event.
        bought: bool, shape (visits,).
    """

    steps: Steps
    intent: IntArray
    end_ms: IntArray
    bought: BoolArray

"""Counts and sums over the days before a cutoff, as values on a logarithmic scale.

A window of d days holds the past events with a timestamp at or after the instant minus
d days. Its change is the window minus the one of the same length before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from zap.encoding.columns import (
    MISSING,
    BoolArray,
    Categorical,
    Cutoffs,
    FlatHistories,
    FloatArray,
    IntArray,
)
from zap.encoding.entries import Entries, without_zeros
from zap.encoding.feature import build
from zap.encoding.metadata import names
from zap.encoding.values import column_named, numbers_of
from zap.encoding.windows import TimeIndex, count_in, sum_in
from zap.errors import EncodingError

COUNT = "count"
DAY_US = 86_400_000_000


class Measure(NamedTuple):
    """One number of a subject at a cutoff (one a type where split by type)."""

    days: float
    of: str
    change: bool


class Scale(NamedTuple):
    """How a measure becomes a value in [0, 1].

    Attributes:
        size: the number that becomes 1; larger ones do too.
        signed: negative numbers occur: 0 becomes 0.5, and ``-size`` becomes 0.
    """

    size: float
    signed: bool


@dataclass(frozen=True)
class Aggregates:
    """Windows times measures (times types), one place each.

    Attributes:
        days: lengths of the windows in days, ascending.
        of: ``"count"`` for the number of events, or a numeric property for its sum.
        by: ``"type"`` for one number a type of event, else over all kept types.
        change: also the difference to the window before, as a place of its own.
        types: the types for ``by="type"``. Fitted: the instance's, or the 50 most
            common ones where it keeps any.
        scales: one a measure; fitted.
    """

    days: Sequence[float]
    of: Sequence[str] = (COUNT,)
    by: str | None = None
    change: bool = False
    types: Sequence[str] | None = None
    scales: Sequence[Scale] | None = None

    def __post_init__(self) -> None:
        days = tuple(self.days)
        rising = all(low < day for low, day in pairwise((0, *days)))
        if not days or not rising or not math.isfinite(days[-1]):
            raise EncodingError(
                "windows() needs numbers of days above 0, ascending. "
                f"Received: days={self.days!r}."
            )
        if self.by not in (None, "type"):
            raise EncodingError(
                f"windows() can split by 'type' or not. Received: by={self.by!r}."
            )
        object.__setattr__(self, "days", days)
        object.__setattr__(self, "of", names(self.of, "of"))
        if not self.of:
            raise EncodingError("windows() needs a measure. Received: of=[].")
        if self.types is not None:
            object.__setattr__(self, "types", names(self.types, "types"))
        if self.scales is not None:
            self._check_scales(tuple(Scale(*scale) for scale in self.scales))

    def _check_scales(self, scales: tuple[Scale, ...]) -> None:
        if len(scales) != len(self.measures) or any(s.size <= 0 for s in scales):
            raise EncodingError(
                f"windows() of {len(self.measures)} measures needs as many scales, "
                f"above 0. Received: scales={self.scales!r}."
            )
        object.__setattr__(self, "scales", scales)

    @property
    def fitted(self) -> bool:
        """True when the scales, and the types where needed, are known."""
        return self.scales is not None and (self.by is None or self.types is not None)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures in the order of their places."""
        changes = (False, True) if self.change else (False,)
        return tuple(Measure(*m) for m in product(self.days, self.of, changes))

    @property
    def longest_days(self) -> float:
        """How far back the measures look, in days."""
        return self.days[-1] * (2 if self.change else 1)

    @property
    def size(self) -> int:
        """Number of places: the measures, times the types where split."""
        return len(self.measures) * (len(self.types or ()) if self.by else 1)

    def entries(self, numbers: FloatArray) -> Entries:
        """The entries of measured numbers.

        Args:
            numbers: float64, shape (cutoffs, measures, types or 1); see ``measured``.
        """
        assert self.scales is not None, "not fitted"
        size = np.array([scale.size for scale in self.scales])[:, None]
        signed = np.array([scale.signed for scale in self.scales])[:, None]
        logs = np.minimum(np.log1p(np.abs(numbers)) / np.log1p(size), 1.0)
        centred = 0.5 + 0.5 * np.sign(numbers) * logs
        values = np.where(signed, centred, np.where(numbers > 0, logs, 0.0))
        flat = values.reshape(len(numbers), self.size)
        rows, places = np.divmod(np.arange(flat.size), max(self.size, 1))
        return without_zeros(rows, places, flat.ravel())

    def to_dict(self) -> dict[str, Any]:
        """The aggregates as a JSON object."""
        data: dict[str, Any] = {"days": list(self.days), "of": list(self.of)}
        if self.by is not None:
            data["by"] = self.by
        if self.change:
            data["change"] = True
        if self.types is not None:
            data["types"] = list(self.types)
        if self.scales is not None:
            data["scales"] = [[scale.size, scale.signed] for scale in self.scales]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Aggregates:
        """The aggregates that ``to_dict`` described."""
        made = build(cls, data)
        assert isinstance(made, Aggregates)
        return made


def windows(
    days: Sequence[float],
    of: Sequence[str] = (COUNT,),
    by: str | None = None,
    change: bool = False,
) -> Aggregates:
    """Counts and sums over the last days before the instant; see ``Aggregates``.

    Example:
        ``windows([7, 28], of=["amount"], change=True)``
    """
    return Aggregates(days, of, by, change)


def measured(
    aggregates: Aggregates,
    histories: FlatHistories,
    cutoffs: Cutoffs,
    kept: BoolArray,
    types: Sequence[str] | None,
) -> FloatArray:
    """The numbers of all measures at all cutoffs.

    Args:
        aggregates: what to measure.
        histories: the events.
        cutoffs: where.
        kept: shape (events,): the events of the instance's types.
        types: the types to split by, or None for all kept events together.

    Returns:
        float64, shape (cutoffs, measures, types or 1).
    """
    masks = [kept] if types is None else _masks_of_types(histories, kept, types)
    numbers = np.zeros((len(cutoffs), len(aggregates.measures), len(masks)))
    edges = _edges(aggregates, histories, cutoffs)
    for t, mask in enumerate(masks):
        for of in aggregates.of:
            totals = _totals(of, histories, mask, edges)
            for m, measure in enumerate(aggregates.measures):
                if measure.of == of:
                    now, before = totals[aggregates.days.index(measure.days)]
                    numbers[:, m, t] = now - before if measure.change else now
    return numbers


def _masks_of_types(
    histories: FlatHistories, kept: BoolArray, types: Sequence[str]
) -> list[BoolArray]:
    column = histories.columns["type"]
    assert isinstance(column, Categorical)
    code = {text: place for place, text in enumerate(column.distinct)}
    return [kept & (column.codes == code.get(text, MISSING)) for text in types]


def _edges(
    aggregates: Aggregates, histories: FlatHistories, cutoffs: Cutoffs
) -> IntArray:
    """Event indices of shape (windows, 3, cutoffs): two windows back, one, the end."""
    index = TimeIndex(histories)
    edges = np.empty((len(aggregates.days), 3, len(cutoffs)), np.int64)
    edges[:, 2] = cutoffs.position
    for d, days in enumerate(aggregates.days):
        for back, spans in enumerate((2, 1)):
            since = cutoffs.instant_us - round(days * DAY_US) * spans
            found = index.first_at_or_after(cutoffs.subject, since)
            edges[d, back] = np.minimum(found, cutoffs.position)
    return edges


def _totals(
    of: str, histories: FlatHistories, mask: BoolArray, edges: IntArray
) -> FloatArray:
    """Totals of shape (windows, 2, cutoffs): of the window, and of the one before."""
    start, stop = edges[:, 1::-1].ravel(), edges[:, :0:-1].ravel()
    if of == COUNT:
        totals = count_in(mask, start, stop).astype(np.float64)
    else:
        values = numbers_of(column_named(histories, of), of)
        totals = sum_in(np.where(mask, values, 0.0), start, stop)
    return totals.reshape(len(edges), 2, -1)

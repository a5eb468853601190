"""What the last hours, days and weeks held, as values on a logarithmic scale.

A window of d days holds the past events with a timestamp at or after the instant minus
d days. With ``whole_days`` it begins at midnight, UTC, d - 1 days before the day of the
instant, so that it consists of that day so far and d - 1 whole ones: such windows can
be told from sums of days, without events. The change is a window's number minus that of
the d days before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from zap.encoding.blocks import Block, blocks
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
from zap.encoding.measures import (
    COUNT,
    MAXIMUM,
    MINIMUM,
    Gap,
    Measured,
    checked_measures,
    field_of,
    may_be_missing,
    takes_numbers,
)
from zap.encoding.measuring import Measurer
from zap.encoding.metadata import names
from zap.encoding.windows import TimeIndex
from zap.errors import EncodingError

DAY_US = 86_400_000_000
LEAST_PRESENT = 1 / 8
"""The lowest value of a number that may be missing: without an entry there was none."""


class Measure(NamedTuple):
    """One number of a subject at a cutoff (one a type where split by type)."""

    days: float
    of: Measured
    change: bool


class Scale(NamedTuple):
    """How a measure becomes a value in [0, 1].

    Attributes:
        size: the number that becomes 1; larger ones do too.
        signed: negative numbers occur: 0 becomes 0.5, and ``-size`` becomes 0.
    """

    size: float
    signed: bool


class Scaling(NamedTuple):
    """How the numbers at some places become values in [0, 1].

    Attributes:
        log_size: float64, shape (places,): log(1 + size) of each one's scale.
        signed: shape (places,): of each one's scale.
        optional: shape (places,): whether there may be no such number.
    """

    log_size: FloatArray
    signed: BoolArray
    optional: BoolArray

    def values(self, numbers: FloatArray) -> FloatArray:
        """The values; 0 for no entry.

        Args:
            numbers: float64, shape (..., places), NaN where there is none.
        """
        logs = np.minimum(np.log1p(np.abs(numbers)) / self.log_size, 1.0)
        centred = 0.5 + 0.5 * np.sign(numbers) * logs
        values = np.where(self.signed, centred, np.where(numbers > 0, logs, 0.0))
        if not self.optional.any():
            return values
        raised = LEAST_PRESENT + (1 - LEAST_PRESENT) * values
        found = np.where(np.isnan(numbers), 0.0, raised)
        return np.where(self.optional, found, values)

    @classmethod
    def joined(cls, parts: Sequence[Scaling]) -> Scaling:
        """Places of several aggregates, one after the other."""
        return cls(*(np.concatenate(each) for each in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Aggregates:
    """Windows times measures (times types), one place each.

    Attributes:
        days: lengths of the windows in days, ascending.
        of: ``"count"`` for the number of events, a numeric property for its sum, or a
            measure such as ``mean("amount")``; see ``zap.encoding.measures``.
        by: ``"type"`` for one number a type of event, else over all kept types.
        change: also the difference to the window before, as a place of its own.
        types: the types for ``by="type"``. Fitted: the instance's, or the 50 most
            common ones where it keeps any.
        scales: one a measure; fitted.
        whole_days: the windows begin at midnight; see the module.
    """

    days: Sequence[float]
    of: Sequence[Measured] = (COUNT,)
    by: str | None = None
    change: bool = False
    types: Sequence[str] | None = None
    scales: Sequence[Scale] | None = None
    whole_days: bool = False

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
        object.__setattr__(self, "of", checked_measures(self.of))
        if self.whole_days:
            self._check_whole_days()
        if self.types is not None:
            object.__setattr__(self, "types", names(self.types, "types"))
        if self.scales is not None:
            self._check_scales(tuple(Scale(*scale) for scale in self.scales))

    def _check_whole_days(self) -> None:
        if any(day != int(day) for day in self.days):
            raise EncodingError(
                "windows(whole_days=True) needs whole numbers of days. "
                f"Received: days={self.days!r}. Shorter windows are windows() of their "
                "own, without whole_days: aggregates=[windows(...), windows(...)]."
            )
        for of in self.of:
            if isinstance(of, Gap) and of.statistic in (MINIMUM, MAXIMUM):
                raise EncodingError(
                    "A day's shortest and longest gap change with every late event, so "
                    "they cannot be told from sums of days. Received: "
                    f"of=[..., {of!r}], whole_days=True. Leave out whole_days, or "
                    "take gap('mean')."
                )

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
    def fields(self) -> set[str]:
        """The fields that the measures read, besides the type."""
        return {field for of in self.of if (field := field_of(of)) is not None}

    @property
    def numeric_fields(self) -> set[str]:
        """Those of them that hold numbers."""
        numeric = (field_of(of) for of in self.of if takes_numbers(of))
        return {field for field in numeric if field is not None}

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

        Returns:
            for a count, sum or number of distinct values nothing where it is 0, or 1/2
            if signed; for the other measures nothing where there is no such number,
            else a value of at least ``LEAST_PRESENT``.
        """
        flat = self.scaling.values(numbers.reshape(len(numbers), self.size))
        rows, places = np.divmod(np.arange(flat.size), max(self.size, 1))
        return without_zeros(rows, places, flat.ravel())

    @property
    def scaling(self) -> Scaling:
        """How the numbers at all places become values."""
        assert self.scales is not None, "not fitted"
        depth = len(self.types or ()) if self.by else 1
        size = np.array([scale.size for scale in self.scales], np.float64)
        signed = np.array([scale.signed for scale in self.scales], np.bool_)
        optional = [may_be_missing(of) for _, of, _ in self.measures]
        return Scaling(
            np.log1p(size).repeat(depth),
            signed.repeat(depth),
            np.array(optional, np.bool_).repeat(depth),
        )

    def to_dict(self) -> dict[str, Any]:
        """The aggregates as a JSON object."""
        of = [each if isinstance(each, str) else each.to_dict() for each in self.of]
        data: dict[str, Any] = {"days": list(self.days), "of": of}
        if self.by is not None:
            data["by"] = self.by
        if self.change:
            data["change"] = True
        if self.types is not None:
            data["types"] = list(self.types)
        if self.scales is not None:
            data["scales"] = [[scale.size, scale.signed] for scale in self.scales]
        if self.whole_days:
            data["whole_days"] = True
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Aggregates:
        """The aggregates that ``to_dict`` described."""
        made = build(cls, data)
        assert isinstance(made, Aggregates)
        return made


def windows(
    days: Sequence[float],
    of: Sequence[Measured] = (COUNT,),
    by: str | None = None,
    change: bool = False,
    whole_days: bool = False,
) -> Aggregates:
    """What the last days before the instant held; see ``Aggregates``.

    Example:
        ``windows([1 / 24, 1, 7], of=["count", mean("amount"), gap()], change=True)``
    """
    return Aggregates(days, of, by, change, whole_days=whole_days)


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
        float64, shape (cutoffs, measures, types or 1), NaN where there is no number.
    """
    depth = 1 if types is None else len(types)
    numbers = np.zeros((len(cutoffs), len(aggregates.measures), depth))
    for block in blocks(histories, cutoffs, ["type", *aggregates.fields]):
        mine = kept[block.events]
        masks = [mine] if types is None else _masks(block.histories, mine, types)
        numbers[block.rows] = _measured(aggregates, block, masks)
    return numbers


def _measured(
    aggregates: Aggregates, block: Block, masks: Sequence[BoolArray]
) -> FloatArray:
    """The numbers of a block: of the events of each of the masks."""
    start, stop = _ranges(aggregates, block.histories, block.cutoffs)
    shape = (len(block.cutoffs), len(aggregates.measures), len(masks))
    numbers = np.empty(shape)
    for t, mask in enumerate(masks):
        measurer = Measurer(block.histories, mask, start.ravel(), stop.ravel())
        found = {of: measurer.of(of).reshape(start.shape) for of in aggregates.of}
        for m, (days, of, change) in enumerate(aggregates.measures):
            window = found[of][aggregates.days.index(days)]
            numbers[:, m, t] = window[0] - window[1] if change else window[0]
    return numbers


def _masks(
    histories: FlatHistories, kept: BoolArray, types: Sequence[str]
) -> list[BoolArray]:
    column = histories.columns["type"]
    assert isinstance(column, Categorical)
    code = {text: place for place, text in enumerate(column.distinct)}
    return [kept & (column.codes == code.get(text, MISSING)) for text in types]


def _ranges(
    aggregates: Aggregates, histories: FlatHistories, cutoffs: Cutoffs
) -> tuple[IntArray, IntArray]:
    """First event and end of each window, and of the one before if that is needed.

    Returns:
        int64 each, shape (windows, 2 or 1, cutoffs).
    """
    index = TimeIndex(histories)
    spans = 2 if aggregates.change else 1
    edges = np.empty((len(aggregates.days), spans + 1, len(cutoffs)), np.int64)
    edges[:, 0] = cutoffs.position
    for d, days in enumerate(aggregates.days):
        first = first_us(cutoffs.instant_us, days, aggregates.whole_days)
        for back in range(spans):
            since = first - back * round(days * DAY_US)
            found = index.first_at_or_after(cutoffs.subject, since)
            edges[d, back + 1] = np.minimum(found, cutoffs.position)
    return edges[:, 1:], edges[:, :-1]


def first_us(instant_us: IntArray, days: float, whole_days: bool) -> IntArray:
    """Where the windows of so many days before the instants begin, in microseconds."""
    if whole_days:
        return (instant_us // DAY_US - (int(days) - 1)) * DAY_US
    return instant_us - round(days * DAY_US)

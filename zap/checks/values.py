"""Which value of an instance is another after an alteration, found field by field.

Encoded bytes say that something differs, not what. So the columns that the features
encode are made again for the one cutoff on both sides, and the first that differs is
named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.checks.made import Made
from zap.encoding.aggregates import measured
from zap.encoding.columns import MISSING, Column, FloatArray, Numeric
from zap.encoding.features import Hash
from zap.encoding.measures import field_of
from zap.encoding.metadata import Last
from zap.encoding.rows import event_columns, kept_mask, metadata_columns


@dataclass(frozen=True)
class ChangedValue:
    """A value that is not the same on both sides.

    Attributes:
        name: the field, statistic, or whatever it is, in words.
        field: the field that it is read from, if it is one.
        event: the index of the event in the histories before, if it is an event's.
        before: the value as it was.
        after: the value after the alteration.
    """

    name: str
    field: str | None
    event: int | None
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name} was {_shown(self.before)} and became {_shown(self.after)}"


def changed_value(
    before: Made, place: int, after: Made, other: int
) -> ChangedValue | None:
    """The first value of a cutoff that differs; None if only bytes do.

    Args:
        before: what was made of the rows as they are.
        place: the cutoff's place in it.
        after: what was made of the altered rows.
        other: the cutoff's place in that.
    """
    return (
        _of_events(before, place, after, other)
        or _of_metadata(before, place, after, other)
        or _of_aggregates(before, place, after, other)
        or _of_columns(before, place, after, other)
    )


def _of_events(
    before: Made, place: int, after: Made, other: int
) -> ChangedValue | None:
    mine, theirs = _kept(before, place), _kept(after, other)
    if len(mine) != len(theirs):
        return ChangedValue("the number of events", None, None, len(mine), len(theirs))
    instance = before.encoder.instance
    ours = event_columns(instance, before.histories, mine)
    others = event_columns(instance, after.histories, theirs)
    for row, event in enumerate(mine.tolist()):
        for (feature, column), (_, changed) in zip(ours, others, strict=True):
            values = value_at(column, row), value_at(changed, row)
            if _same(*values) or not _matters(feature, column, changed, row):
                continue
            name = f"{feature.field!r} of the {ordinal(row + 1)} of {len(mine)} events"
            return ChangedValue(name, feature.field, event, *values)
    return None


def _kept(made: Made, place: int) -> np.ndarray[Any, Any]:
    kept, start, stop = made.windows
    return kept[start[place] : stop[place]]


def _matters(feature: Any, column: Column, changed: Column, row: int) -> bool:
    """Whether two values are encoded differently: not if they share a bin."""
    if isinstance(feature, Hash):
        return True
    one = np.array([row])
    found = [feature.entries(each.take(one)) for each in (column, changed)]
    mine, theirs = ((e.places.tolist(), e.values) for e in found)
    if mine[0] != theirs[0]:
        return True
    if mine[1] is None or theirs[1] is None:
        return mine[1] is not theirs[1]
    return not np.array_equal(mine[1], theirs[1])


def _of_metadata(
    before: Made, place: int, after: Made, other: int
) -> ChangedValue | None:
    instance = before.encoder.instance
    sides = []
    for made, row in ((before, place), (after, other)):
        cutoff = made.cutoffs.select(np.array([row]))
        sides.append(metadata_columns(instance, made.histories, cutoff))
    for (source, column), (_, changed) in zip(*sides, strict=True):
        values = value_at(column, 0), value_at(changed, 0)
        if not _same(*values):
            what = "the last value of " if isinstance(source, Last) else "the metadata "
            name = f"{what}{source.field!r}"
            return ChangedValue(name, source.field, None, *values)
    return None


def _of_aggregates(
    before: Made, place: int, after: Made, other: int
) -> ChangedValue | None:
    instance = before.encoder.instance
    for each in instance.all_aggregates:
        sides = []
        for made, row in ((before, place), (after, other)):
            cutoff = made.cutoffs.select(np.array([row]))
            kept = kept_mask(instance, made.histories)
            types = each.types if each.by else None
            sides.append(measured(each, made.histories, cutoff, kept, types)[0])
        for measure, mine, theirs in zip(each.measures, *sides, strict=True):
            if not np.array_equal(mine, theirs, equal_nan=True):
                name = f"the {measure.of} of the last {measure.days:g} days"
                totals = _total(mine), _total(theirs)
                return ChangedValue(name, field_of(measure.of), None, *totals)
    return None


def _total(numbers: FloatArray) -> float | None:
    """The sum over types of what is there; None where nothing is."""
    return None if np.isnan(numbers).all() else float(np.nansum(numbers))


def _of_columns(
    before: Made, place: int, after: Made, other: int
) -> ChangedValue | None:
    for name, column in before.columns.named.items():
        values = float(column[place]), float(after.columns.named[name][other])
        if not _same(*values):
            return ChangedValue(f"the {name}", None, None, *values)
    return None


def value_at(column: Column, row: int) -> Any:
    """One value of a column; None where there is none."""
    if isinstance(column, Numeric):
        number = float(column.values[row])
        return None if np.isnan(number) else number
    code = int(column.codes[row])
    return None if code == MISSING else column.distinct[code]


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, int | float | np.number):
        return f"{float(value):.6g}"
    return repr(value)


def ordinal(number: int) -> str:
    """``3`` as ``3rd``."""
    tens = number % 100 in (11, 12, 13)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if tens else ending}"

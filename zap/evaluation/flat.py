"""An evaluation as rows, one for each number: what tables and dashboards want.

An evaluation is a tree of objects. Its leaves that are numbers become rows, named by
the objects around them (the section) and, in a list, by the item. ``auc_low`` and
``auc_high`` are the interval of ``auc`` and go into its row. Lists of bare numbers,
such as the bars of a histogram, are left to the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LOW, HIGH = "_low", "_high"
_NAMES = ("name", "version", "day", "statistic", "class")
_LISTS = ("groups", "bins")  # the object around them has the name
_BOUNDS = ("from", "below")


@dataclass(frozen=True)
class MetricRow:
    """One number of an evaluation.

    Attributes:
        section: where it stands, such as ``slices.purchases``; None for the whole.
        item: which one of a list, such as a segment's name; None elsewhere.
        metric: its name, such as ``auc``.
        value: the number.
        low: the lower end of its interval, where there is one.
        high: the upper end.
        n: how many examples are behind the numbers of its object, if that is told.
    """

    section: str | None
    item: str | None
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


def flat_metrics(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """The rows of an evaluation, in the order of its tree.

    Args:
        metrics: as ``evaluate`` or ``analyse`` gives them.

    Example:
        >>> (row,) = flat_metrics({"auc": 0.7, "auc_low": 0.6, "auc_high": 0.8})
        >>> row.metric, row.value, row.low, row.high
        ('auc', 0.7, 0.6, 0.8)
    """
    return list(_rows(metrics, (), None))


def _rows(
    told: Mapping[str, Any], section: tuple[str, ...], item: str | None
) -> Iterator[MetricRow]:
    n = told.get("n")
    where = ".".join(section) or None
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _rows(value, (*section, name), item)
        elif isinstance(value, list):
            named = section if name in _LISTS else (*section, name)
            yield from _items(value, named, item)
        elif _is_number(value) and not _is_end(name, told) and name not in _BOUNDS:
            low, high = _end(told, name + LOW), _end(told, name + HIGH)
            count = n if isinstance(n, int) else None
            yield MetricRow(where, item, name, float(value), low, high, count)


def _items(
    values: Sequence[Any], section: tuple[str, ...], item: str | None
) -> Iterator[MetricRow]:
    """The rows of a list of objects; a list of the lists of each statistic is named by
    the statistic."""
    for place, value in enumerate(values):
        if not isinstance(value, Mapping):
            continue
        if "statistic" in value:
            yield from _rows(value, (*section, str(value["statistic"])), item)
            continue
        own = _name_of(value, place)
        yield from _rows(value, section, own if item is None else f"{item}: {own}")


def _name_of(value: Mapping[str, Any], place: int) -> str:
    """What an item is called: by its name, its bounds, or its place from 1."""
    for name in _NAMES:
        if value.get(name) is not None:
            # A check of an analysis has one name for all versions and inputs.
            of = value.get("of")
            return f"{value[name]}: {of}" if of else str(value[name])
    if any(name in value for name in _BOUNDS):
        low, high = value.get("from"), value.get("below")
        if high is None:
            return f"from {low:g}" if _is_number(low) else str(place + 1)
        return f"below {high:g}" if low is None else f"{low:g} to {high:g}"
    return str(place + 1)


def _end(told: Mapping[str, Any], name: str) -> float | None:
    value = told.get(name)
    return float(value) if value is not None and _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_end(name: str, told: Mapping[str, Any]) -> bool:
    """Whether it is the end of another number's interval."""
    return any(
        name.endswith(end) and _is_number(told.get(name.removesuffix(end)))
        for end in (LOW, HIGH)
    )

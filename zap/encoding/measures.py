"""What aggregates measure of the events in a window: a number each.

A count and a sum are written as plain texts, ``"count"`` and the field's name; they are
0 where there was nothing. The others are small objects. A mean, a minimum, a maximum
and all that is told of gaps do not exist where there was nothing, which is not 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from zap.encoding.feature import build, known_kind
from zap.errors import EncodingError

COUNT = "count"
MOST_DISTINCT = 1000
"""Distinct values of a window are counted up to this: so a day's are bounded too."""

DISTINCT, MEAN, MINIMUM, MAXIMUM, SUM = "distinct", "mean", "minimum", "maximum", "sum"
_OF_FIELDS = (DISTINCT, MEAN, MINIMUM, MAXIMUM)
_OF_GAPS = (SUM, MEAN, MINIMUM, MAXIMUM)


@dataclass(frozen=True)
class Summary:
    """One number that sums up a field's values in a window; missing ones are left out.

    Attributes:
        kind: ``"distinct"``, ``"mean"``, ``"minimum"`` or ``"maximum"``.
        field: a numeric property; for ``"distinct"`` any field.
    """

    kind: str
    field: str

    def __post_init__(self) -> None:
        if self.kind not in _OF_FIELDS:
            raise EncodingError(
                f"A summary has one of the kinds {', '.join(_OF_FIELDS)}. "
                f"Received: kind={self.kind!r}. A sum is the field's name alone."
            )
        if not isinstance(self.field, str) or not self.field:
            raise EncodingError(
                f"{self.kind}() needs the name of a field. "
                f"Received: field={self.field!r}."
            )

    def __str__(self) -> str:
        named = {DISTINCT: "number of distinct values"}.get(self.kind, self.kind)
        return f"{named} of {self.field!r}"

    def to_dict(self) -> dict[str, Any]:
        """The measure as a JSON object."""
        return {"kind": self.kind, "field": self.field}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Summary:
        """The measure that ``to_dict`` described."""
        made = build(cls, data)
        assert isinstance(made, Summary)
        return made


@dataclass(frozen=True)
class Gap:
    """Seconds between kept events that follow one another.

    A gap belongs to its later event: it is in a window that holds that event, however
    old the earlier one is. Split by type, it lies between events of one type.

    Attributes:
        statistic: ``"mean"``, ``"minimum"``, ``"maximum"`` or ``"sum"`` of the gaps.
    """

    statistic: str = MEAN

    def __post_init__(self) -> None:
        if self.statistic not in _OF_GAPS:
            raise EncodingError(
                f"gap() gives one of {', '.join(_OF_GAPS)}. "
                f"Received: statistic={self.statistic!r}."
            )

    def __str__(self) -> str:
        return f"{self.statistic} of the gaps between events"

    def to_dict(self) -> dict[str, Any]:
        """The measure as a JSON object."""
        return {"kind": "gap", "statistic": self.statistic}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Gap:
        """The measure that ``to_dict`` described."""
        given = {key: value for key, value in data.items() if key != "kind"}
        made = build(cls, given)
        assert isinstance(made, Gap)
        return made


Measured: TypeAlias = str | Summary | Gap


def distinct(field: str) -> Summary:
    """How many distinct values a field has in a window, up to ``MOST_DISTINCT``."""
    return Summary(DISTINCT, field)


def mean(field: str) -> Summary:
    """The mean of a numeric property: its exact sum divided by how many there are."""
    return Summary(MEAN, field)


def minimum(field: str) -> Summary:
    """The smallest value of a numeric property."""
    return Summary(MINIMUM, field)


def maximum(field: str) -> Summary:
    """The largest value of a numeric property."""
    return Summary(MAXIMUM, field)


def gap(statistic: str = MEAN) -> Gap:
    """A statistic of the seconds between events that follow one another; see ``Gap``.

    Example:
        ``windows([1, 28], of=["count", gap(), gap("minimum")])``
    """
    return Gap(statistic)


def field_of(of: Measured) -> str | None:
    """The field that a measure reads; None for counts and gaps."""
    if isinstance(of, Summary):
        return of.field
    return None if isinstance(of, Gap) or of == COUNT else of


def takes_numbers(of: Measured) -> bool:
    """True where a measure reads numbers alone."""
    distinct_values = isinstance(of, Summary) and of.kind == DISTINCT
    return field_of(of) is not None and not distinct_values


def may_be_missing(of: Measured) -> bool:
    """True where a window without values has no such number, rather than 0."""
    return isinstance(of, Gap) or (isinstance(of, Summary) and of.kind != DISTINCT)


def measured_from(data: Any) -> Any:
    """The measure that a JSON object describes; anything else as it is."""
    if not isinstance(data, Mapping):
        return data
    kinds: dict[str, type[Any]] = {**dict.fromkeys(_OF_FIELDS, Summary), "gap": Gap}
    return known_kind(data, kinds, "measure").from_dict(data)


def checked_measures(given: Any) -> tuple[Measured, ...]:
    """Measures as a tuple, each once.

    Raises:
        EncodingError: a single text, something that is no measure, or a repeated one.
    """
    listed = given if isinstance(given, (list, tuple)) else ()
    of = tuple(measured_from(item) for item in listed)
    known = all(isinstance(item, (str, Summary, Gap)) for item in of)
    if not isinstance(given, (list, tuple)) or not known or len(set(of)) < len(of):
        raise EncodingError(
            "of must be a list of distinct names and measures, such as "
            f"['count', 'amount', mean('amount'), gap()]. Received: of={given!r}."
        )
    if not of:
        raise EncodingError("windows() needs a measure. Received: of=[].")
    return of

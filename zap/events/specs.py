"""The records that a mapping is made of: one for each kind of table in its file.

They hold what is already checked; ``said`` gives their JSON in the shape of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from zap.events.exports import EXPORTS
from zap.events.schema import PropertyType

TIME_UNITS = ("s", "ms", "us", "ns")
FOLDS = ("first", "last", "sum", "count", "min", "max")
FORMATS = ("csv", "jsonl", "parquet", "combined", "bigquery", *EXPORTS)


@dataclass(frozen=True)
class FieldSpec:
    """Where a canonical field comes from.

    Attributes:
        column: the column to read; a dotted path reaches into nested values.
        constant: the value of every row, instead of a column.
        values: exact texts and what they become.
        prefixes: beginnings of texts and what the whole text becomes; the longest
            that fits wins.
        default: with ``values`` or ``prefixes``, the value of present texts that none
            of them names (without it they stay as they are); else the value of rows
            that have none.
        unit: of a time that is a number: s, ms, us or ns since 1970.
        format: of a time that is a text, as for strptime.
    """

    column: str | None = None
    constant: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    default: str | None = None
    unit: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class PropertySpec:
    """Where a property comes from, and how rows of one event are joined.

    Attributes:
        type: its type.
        column: the column to read.
        product: columns whose numbers are multiplied, instead of a column.
        fold: what rows of one group give: the first or last value that is there, the
            sum, the smallest, the largest, or the count of rows.
        unit: as in ``FieldSpec``, for timestamps.
        format: as in ``FieldSpec``, for timestamps.
    """

    type: PropertyType
    column: str | None = None
    product: tuple[str, ...] = ()
    fold: str = "first"
    unit: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class SkipRule:
    """Rows that are left out on purpose, and counted under the rule's name.

    Attributes:
        name: of the rule.
        field: a mapped field or property whose text is looked at, or
        column: a column whose text is looked at.
        missing: True or False to match rows without or with a value.
        one_of: texts to match.
        matches: a regular expression (RE2) to find in the text.
    """

    name: str
    field: str | None = None
    column: str | None = None
    missing: bool | None = None
    one_of: tuple[str, ...] = ()
    matches: str | None = None


@dataclass(frozen=True)
class CsvOptions:
    """The dialect of CSV files.

    Attributes:
        delimiter: one ASCII character.
        quote: one ASCII character, or "" for files in which quotes mean nothing.
        header: True if the first record names the columns.
        columns: the names, for files without a header.
        missing: texts that stand for an absent value, besides the empty one.
        decimal: "," where the numbers of properties are written so, else ".".
    """

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    decimal: str = "."


@dataclass(frozen=True)
class Observed:
    """For which time the data are complete.

    Attributes:
        start: first instant, ISO 8601; in the mapping's time zone unless it has one.
        until: the end, exclusive.
        partitions: instead of both, the strptime form of a part of the paths that
            names a day ("date=%Y-%m-%d"), or a minute, an hour, a month or a year.
    """

    start: str | None = None
    until: str | None = None
    partitions: str | None = None


# The TOML keys that differ from the attribute: some are keywords of Python.
_KEYS = {
    (Observed, "start"): "from",
    (SkipRule, "missing"): "is",
    (SkipRule, "one_of"): "in",
}


def said(spec: Any) -> dict[str, Any]:
    """A record as JSON in the shape of the file, without what is at its default."""
    said: dict[str, Any] = {}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if value == item.default and not isinstance(value, bool):
            continue
        key = _KEYS.get((type(spec), item.name), item.name)
        if key == "is":
            value = "missing" if value else "present"
        elif key in ("values", "prefixes"):
            value = dict(value)
        elif isinstance(value, tuple):
            value = list(value)
        said[key] = value
    return said

"""The SQL that chooses the rows of some days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from zap.bigquery.addresses import TableAddress
from zap.errors import BigQueryError
from zap.events.mapping import EventMapping
from zap.events.raw import check_columns
from zap.events.timestamps import to_micros

# Columns that a table partitioned by ingestion has, and no schema shows.
_PSEUDO = {"_PARTITIONDATE": "DATE", "_PARTITIONTIME": "TIMESTAMP"}
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_NAME = re.compile(r"[^`\\]+")


def restriction(
    types: Mapping[str, str], address: TableAddress, mapping: EventMapping
) -> str:
    """What a session, or a WHERE clause, asks of rows; empty for all rows.

    Days are of the mapping's time zone, or of UTC.

    Args:
        types: the table's columns and their types.
        address: the days.
        mapping: which column is the time, and in what form.

    Raises:
        BigQueryError: the column's type cannot be compared with days.
        MappingError: there is no such column.
    """
    if address.first is None and address.until is None:
        return ""
    spec = mapping.fields["timestamp"]
    column = address.days or spec.column or ""
    kind = _PSEUDO.get(column.upper()) if address.days else None
    if kind is None:
        check_columns([column], list(types), address.name.url)
        kind = types[column]
    unit = None if address.days else spec.unit
    zone = ZoneInfo(mapping.timezone) if mapping.timezone else UTC
    sides = ((">=", address.first), ("<", address.until))
    parts = [
        f"{_quoted(column)} {sign} {_literal(day, kind, unit, zone, column)}"
        for sign, day in sides
        if day is not None
    ]
    return " AND ".join(parts)


def _quoted(column: str) -> str:
    assert _NAME.fullmatch(column), column
    return ".".join(f"`{part}`" for part in column.split("."))


def _literal(day: date, kind: str, unit: str | None, zone: tzinfo, column: str) -> str:
    """The begin of a day in the form of a column."""
    begin = datetime.combine(day, time(), zone)
    if kind == "DATE":
        return f"DATE '{day}'"
    if kind == "DATETIME":
        return f"DATETIME '{day} 00:00:00'"
    if kind == "TIMESTAMP":
        return f"TIMESTAMP '{begin.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00'"
    if kind in ("INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC") and unit:
        return str(to_micros(begin, None) * _PER_SECOND[unit] // 1_000_000)
    raise BigQueryError(
        "Expected a column that can be compared with days: TIMESTAMP, DATETIME, DATE, "
        f"or numbers with a unit in the mapping. Received: {column}={kind}. Name the "
        "table's column of days with days=COLUMN, or select the rows in a query."
    )

"""Which rows of a table are asked for, as it is written behind a table's name.

    bigquery://project.dataset.events?from=2024-01-01&until=2024-02-01
    bigquery://project.analytics_123.events_*

``from`` and ``until`` are days, the second one not included. ``days`` names the column
that they are asked of (``_PARTITIONDATE`` too), where it is not the events' time.
``streams`` is the most streams that a table is cut into.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl

from zap.bigquery.names import TableName, parse_table
from zap.errors import BigQueryError

_KEYS = ("from", "until", "days", "streams")


@dataclass(frozen=True)
class TableAddress:
    """A table, or the tables of some days, and which rows of them.

    Attributes:
        name: of the table.
        first: the first day; None for no limit.
        until: the day after the last; None for no limit.
        days: the column that holds the day; empty for the events' time.
        streams: the most streams that a table is cut into; 0 to choose by its size.
    """

    name: TableName
    first: date | None = None
    until: date | None = None
    days: str = ""
    streams: int = 0


def parse_address(text: str) -> TableAddress:
    """The rows that a text names.

    Raises:
        BigQueryError: it names none.

    Example:
        >>> parse_address("bigquery://shop-data.web.events?from=2024-01-01").first
        datetime.date(2024, 1, 1)
    """
    name, _, asked = text.partition("?")
    try:
        pairs = parse_qsl(asked, strict_parsing=bool(asked), keep_blank_values=True)
    except ValueError:
        raise _wrong(text, asked, "pairs like from=2024-01-01") from None
    given = dict(pairs)
    for key, value in pairs:
        if key not in _KEYS or not value or len(given) < len(pairs):
            words = f"{', '.join(_KEYS[:-1])} or {_KEYS[-1]}, each once"
            raise _wrong(text, f"{key}={value}", words)
    first, until = (_day(text, given, key) for key in ("from", "until"))
    if first and until and first >= until:
        raise _wrong(text, f"until={until}", f"a day after {first}")
    streams = given.get("streams", "0")
    if not streams.isdecimal() or (given.get("streams") and not int(streams)):
        raise _wrong(text, f"streams={streams}", "a whole number from 1 on")
    return TableAddress(
        parse_table(name, wildcard=True),
        first,
        until,
        given.get("days", ""),
        int(streams),
    )


def _day(text: str, given: dict[str, str], key: str) -> date | None:
    if key not in given:
        return None
    try:
        return date.fromisoformat(given[key])
    except ValueError:
        words = "a day like 2024-01-01"
        raise _wrong(text, f"{key}={given[key]}", words) from None


def _wrong(text: str, received: str, expected: str) -> BigQueryError:
    return BigQueryError(
        f"Expected {expected} behind the name of a table. "
        f"Received: {received!r} in table={text!r}. Correct it, and put the whole "
        "name in quotes for the shell."
    )

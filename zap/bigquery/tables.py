"""What the service knows of tables: columns, sizes, and when they last changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from zap.bigquery.client import billed_project, rest_client
from zap.bigquery.errors import patience, service_errors
from zap.bigquery.names import TableName
from zap.errors import BigQueryError

_DAY = re.compile(r"\d{8}")
_AT_ONCE = 8
_RECORDS = ("RECORD", "STRUCT")


@dataclass(frozen=True)
class TableInfo:
    """A table as the service describes it.

    Attributes:
        name: of the table.
        types: the type of each field by its dotted path; of a field that is repeated,
            or within one that is, "ARRAY".
        rows: how many there are.
        bytes: its size, not compressed.
        changed_us: when it last changed, microseconds since 1970.
        version: hex of a 128-bit hash that changes when the table does.
    """

    name: TableName
    types: dict[str, str]
    rows: int
    bytes: int
    changed_us: int
    version: str


def describe_tables(names: Sequence[TableName], client: Any = None) -> list[TableInfo]:
    """What the service knows of some tables of one project.

    Raises:
        BigQueryError: there is no such table, or it may not be read.
    """
    client = client or rest_client(billed_project(names[0].project))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda name: _described(client, name), names))


def _described(client: Any, name: TableName) -> TableInfo:
    with service_errors("to describe a table", [name.url]):
        table = client.get_table(name.id, **patience())
    if table.table_type not in ("TABLE", "SNAPSHOT", "CLONE", None):
        raise BigQueryError(
            "Expected a table that is stored, since only such can be read as streams. "
            f"Received: table={name.url!r}, type={table.table_type!r}. Select from it "
            "in a query (--input FILE.sql)."
        )
    changed = int(table.modified.timestamp() * 1_000_000) if table.modified else 0
    size, rows = int(table.num_bytes or 0), int(table.num_rows or 0)
    created = table.created.isoformat() if table.created else ""
    told = f"{name.id} {created} {changed} {rows} {size}"
    version = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    types = dict(_types(table.schema))
    return TableInfo(name, types, rows, size, changed, version)


def _types(
    fields: Sequence[Any], above: str = "", repeated: bool = False
) -> Iterator[tuple[str, str]]:
    """The fields of a schema by path, records before what is in them."""
    for field in fields:
        path = f"{above}{field.name}"
        many = repeated or field.mode == "REPEATED"
        yield path, "ARRAY" if many else str(field.field_type)
        if field.field_type in _RECORDS:
            yield from _types(field.fields, f"{path}.", many)


def daily_tables(
    name: TableName, first: date | None, until: date | None, client: Any = None
) -> list[TableName]:
    """The tables of days: those that begin alike and end with a day (YYYYMMDD).

    Args:
        name: ends with "*", which stands for the day.
        first: the first day; None for the first that there is.
        until: the day after the last; None for all.
        client: of the service; None to make one.

    Returns:
        The tables in the order of their days.

    Raises:
        BigQueryError: there is none, or the dataset may not be listed.
    """
    client = client or rest_client(billed_project(name.project))
    begin, dataset = name.table.removesuffix("*"), f"{name.project}.{name.dataset}"
    found: list[tuple[date, TableName]] = []
    with service_errors("to list a dataset's tables", [name.url]):
        for item in client.list_tables(dataset, **patience()):
            day = day_of(item.table_id, begin)
            if day and (not first or day >= first) and (not until or day < until):
                found.append((day, replace(name, table=item.table_id)))
    if not found:
        span = f" from {first} until {until}" if first or until else ""
        raise BigQueryError(
            "Expected at least one table of a day. Received: "
            f"table={name.url!r}{span}, which names none that ends with a day as "
            f"YYYYMMDD. Check the name and the days."
        )
    return [table for _, table in sorted(found, key=lambda each: each[0])]


def day_of(table: str, begin: str) -> date | None:
    """The day that a table's name ends with, if nothing else is behind its begin."""
    end = table[len(begin) :]
    if not table.startswith(begin) or not _DAY.fullmatch(end):
        return None
    try:
        return datetime.strptime(end, "%Y%m%d").date()
    except ValueError:
        return None

"""Finds the tables of BigQuery that hold raw events, and what is to be read of each.

A table is a source like a file: it has a path, a size and a digest, and it is read by a
format. All tables of a job are read as they were at one instant, which is chosen here
once, so that a repeated step and every worker see the same rows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from zap.bigquery.addresses import TableAddress, parse_address
from zap.bigquery.client import billed_project
from zap.bigquery.names import TableName, is_bigquery
from zap.bigquery.queries import run_query
from zap.bigquery.reads import TableRead
from zap.bigquery.tables import TableInfo, daily_tables, describe_tables
from zap.errors import InputError, MappingError
from zap.events.bigquery_days import restriction
from zap.events.files import open_bytes
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range

QUERY = ".sql"
FORMATS = {
    None: "bigquery",
    "bigquery": "bigquery",
    "parquet": "bigquery",
    "ga4": "ga4.bigquery",
    "archive": "archive.bigquery",
}
"""A mapping's format to that of its tables."""

_MARGIN_US = 10_000_000  # by which this clock may be before the service's


@dataclass(frozen=True)
class FoundTable:
    """A table of raw events.

    Attributes:
        path: how it is named to people.
        size_bytes: of the whole table, not compressed.
        format: of ``zap.events.reading``.
        read: what is read of it.
        digest: changes when the table does, or what is read of it.
    """

    path: str
    size_bytes: int
    format: str
    read: TableRead
    digest: str


def is_table(pattern: str) -> bool:
    """Whether a pattern names a table of BigQuery or a query, and no files."""
    return is_bigquery(pattern) or pattern.lower().endswith(QUERY)


def tables_of(pattern: str, mapping: EventMapping) -> list[FoundTable]:
    """The tables that a pattern names; a query is run.

    Args:
        pattern: an address (``zap.bigquery.addresses``), or a file with a query.
        mapping: says the days of daily tables, and which column is the time.

    Raises:
        BigQueryError: there is no such table, or the service refuses.
        InputError: the query cannot be read.
        MappingError: the mapping's format is none of a table.
    """
    form = _format(pattern, mapping)
    if not is_bigquery(pattern):
        return [_result_of(pattern, form, mapping)]
    address = with_days(parse_address(pattern), mapping)
    infos = describe_tables(table_names(address))
    snapshot_us = _snapshot(infos)
    return [_found(info, address, mapping, form, snapshot_us) for info in infos]


def _format(pattern: str, mapping: EventMapping) -> str:
    if mapping.format not in FORMATS:
        known = ", ".join(str(form) for form in FORMATS if form)
        raise MappingError(
            "Expected a format that a table can have. Received: "
            f"format={mapping.format!r} for input={pattern!r}. Leave format out, or "
            f"say one of {known}."
        )
    return FORMATS[mapping.format]


def with_days(address: TableAddress, mapping: EventMapping) -> TableAddress:
    """Daily tables for which no days are given are those of the observed range."""
    if not address.name.is_wildcard or address.first or address.until:
        return address
    declared = observed_range(mapping, ())
    if declared is None:
        return address
    first, last = (_local_day(us, mapping) for us in (declared[0], declared[1] - 1))
    return replace(address, first=first, until=last + timedelta(days=1))


def _local_day(micros: int, mapping: EventMapping) -> date:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(mapping.timezone) if mapping.timezone else UTC
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return instant.astimezone(zone).date()


def table_names(address: TableAddress) -> list[TableName]:
    """The names of the tables of an address."""
    if not address.name.is_wildcard:
        return [address.name]
    return daily_tables(address.name, address.first, address.until)


def _snapshot(infos: Sequence[TableInfo]) -> int:
    """The instant as of which tables are read: just now, by the service's clock.

    Its own times of change are surely past, where this machine's clock may be ahead.
    """
    now_us = int(time.time() * 1_000_000) - _MARGIN_US
    return max(now_us, *(info.changed_us + 1_000 for info in infos))


def _found(
    info: TableInfo,
    address: TableAddress,
    mapping: EventMapping,
    form: str,
    snapshot_us: int,
) -> FoundTable:
    chosen = ""
    if not address.name.is_wildcard:
        chosen = restriction(info.types, address, mapping)
    read = TableRead(
        info.name,
        billed_project(info.name.project),
        snapshot_us,
        chosen,
        address.streams,
        info.rows,
        tuple(info.types),
    )
    digest = _digest(info.version, chosen)
    return FoundTable(info.name.url, info.bytes, form, read, digest)


def _result_of(path: str, form: str, mapping: EventMapping) -> FoundTable:
    """The result of a query as a table."""
    sql = read_query(path)
    (info,) = describe_tables([run_query(sql, observed_range(mapping, ()))])
    read = TableRead(
        info.name, billed_project(info.name.project), leaves=tuple(info.types)
    )
    return FoundTable(path, info.bytes, form, read, _digest(info.version, sql))


def read_query(path: str) -> str:
    """The text of a query.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with open_bytes(path) as file:
            return bytes(file.read()).decode()
    except (OSError, ValueError) as error:
        raise InputError(
            "Expected a file that holds a query. Received: "
            f"path={path!r} ({error}). Check the path."
        ) from error


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

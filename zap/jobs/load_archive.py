"""Archived events into a table of BigQuery: a day of the archive is a partition.

A day is replaced as a whole, by one load of all its files. So it does not matter how
often it is loaded, how its files were merged meanwhile, or that events came after the
last time. The table is partitioned by ``received_at``, as the archive's folders are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from zap.bigquery.destination import TableSpec
from zap.bigquery.places import parse_place
from zap.bigquery.writing import TableWriter
from zap.events.archive_days import archive_days, chosen_days, newest_days
from zap.events.archive_rows import SCHEMA

SPEC = TableSpec(
    SCHEMA,
    "received_at",
    ("source", "type", "anonymous_id"),
    "Events of Zap's collector, as its archive has them.",
    {
        "timestamp": "When it happened, by the sender's clock, corrected.",
        "received_at": "When it came in.",
        "source": "The name of the sender in the collector's settings.",
        "sequence": "The event's number in the spool.",
        "data": "JSON of all the rest: JSON_VALUE(data, '$.properties.total').",
    },
    owner="events",
)
"""Its owner is no application: it keeps a table of predictions from being taken."""


def load_archive(
    archive: str,
    where: str,
    first: date | None = None,
    last: date | None = None,
    newest: int | None = None,
    watch: Callable[[str], Any] = lambda stage: None,
) -> dict[str, Any]:
    """Load days of an archive, each in place of what the table has of it.

    Args:
        archive: its folder, local or a URL.
        where: ``bigquery://project.dataset.table``.
        first: the first day; None for the archive's.
        last: the last day; None for the archive's.
        newest: only this many of the newest days that are left, see ``newest_days``;
            None for all.
        watch: told of each day.

    Returns:
        ``table``, ``events`` in all and ``days``: ``day``, ``events``, ``files`` and
        ``job`` of each.

    Raises:
        InputError: there is no archive, or a file is damaged.
        BigQueryError: the table or the service refuses; the days before are loaded.
    """
    found = archive_days(archive)
    days = chosen_days([*found], first, last)
    chosen = days if newest is None else newest_days(days, newest, _today())
    writer = TableWriter(parse_place(where).name, SPEC)
    writer.check()
    loaded = []
    for place, day in enumerate(chosen):
        watch(f"Loading {day}, day {place + 1} of {len(chosen)}")
        loaded.append(_load_day(writer, day, found[day]))
    return {
        "table": writer.name.url,
        "events": sum(each["events"] for each in loaded),
        "days": loaded,
    }


def _today() -> date:
    return datetime.now(UTC).date()


def _load_day(writer: TableWriter, day: date, files: Sequence[str]) -> dict[str, Any]:
    done = writer.write_files(files, day)
    return {
        "day": str(day),
        "events": done.rows,
        "files": len(files),
        "job": done.job_id,
    }

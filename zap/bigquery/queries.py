"""Queries of the user: what they would read, and their results as tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from zap.bigquery.client import billed_project, rest_client
from zap.bigquery.errors import patience, service_errors
from zap.bigquery.names import TableName
from zap.errors import BigQueryError

PARAMETERS = ("from", "until")
_SELECT = "SELECT"


@dataclass(frozen=True)
class Estimate:
    """What a query would do.

    Attributes:
        bytes: that it would read.
        columns: of its result.
    """

    bytes: int
    columns: tuple[str, ...]


def estimate_query(
    sql: str, observed_us: tuple[int, int] | None, client: Any = None
) -> Estimate:
    """What a query would read; it is checked by the service and not run.

    Args:
        sql: the query.
        observed_us: for its parameters @from and @until.
        client: of the service; None to make one.

    Raises:
        BigQueryError: the query is wrong, or may not be run.
    """
    job = _job(client or _client(), sql, observed_us, dry_run=True)
    columns = tuple(field.name for field in job.schema or ())
    return Estimate(int(job.total_bytes_processed or 0), columns)


def run_query(
    sql: str, observed_us: tuple[int, int] | None, client: Any = None
) -> TableName:
    """Run a query; the table that holds its result for a day.

    The same query of tables that have not changed is answered from the service's cache,
    by the same table.

    Raises:
        BigQueryError: the query is wrong, or may not be run.
    """
    client = client or _client()
    # Asked before: a statement that changes tables has a destination, too.
    told = _job(client, sql, observed_us, dry_run=True)
    if told.statement_type not in (_SELECT, None):
        raise _no_select(told)
    job = _job(client, sql, observed_us, dry_run=False)
    with service_errors("to run a query"):
        job.result(page_size=1, max_results=1)
    made = job.destination
    if made is None:
        raise _no_select(job)
    return TableName(made.project, made.dataset_id, made.table_id)


def _client() -> Any:
    project = billed_project("")
    if not project:
        raise BigQueryError(
            "Expected a project that runs the query. Received: "
            "GOOGLE_CLOUD_PROJECT='', which is not set. Set it to the project's id."
        )
    return rest_client(project)


def _job(
    client: Any, sql: str, observed_us: tuple[int, int] | None, dry_run: bool
) -> Any:
    from google.cloud import bigquery

    named = [name for name in PARAMETERS if re.search(rf"@{name}\b", sql)]
    if named and observed_us is None:
        raise BigQueryError(
            "Expected a declared observed range for the query's parameters. Received: "
            f"@{named[0]} in the query, and no observed.from in the mapping. Declare "
            "observed.from and observed.until, or write the times into the query."
        )
    times = dict(zip(PARAMETERS, observed_us or (), strict=False))
    parameters = [
        bigquery.ScalarQueryParameter(name, "TIMESTAMP", _instant(times[name]))
        for name in named
    ]
    config = bigquery.QueryJobConfig(query_parameters=parameters, dry_run=dry_run)
    with service_errors("to take a query"):
        if dry_run:
            # Without another retry around this one, which lasts ten minutes.
            return client.query(sql, config, job_retry=None, **patience())
        return client.query(sql, config, **patience())


def _no_select(job: Any) -> BigQueryError:
    return BigQueryError(
        "Expected a query that gives a table. Received: a statement of type "
        f"{job.statement_type!r}. Let the file hold one SELECT."
    )


def _instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)

"""The argument of commands that judge: a table for the numbers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zap.bigquery.writing import TableWriter


def add_to(parser: argparse.ArgumentParser) -> None:
    """Where the numbers are written besides."""
    parser.add_argument(
        "--to",
        metavar="TABLE",
        help="add the numbers to bigquery://PROJECT.DATASET.TABLE, one row each",
    )


def table_of(args: argparse.Namespace) -> TableWriter | None:
    """The table, if one is named: it is looked at before the work begins."""
    if args.to is None:
        return None
    from zap.jobs.metric_rows import metrics_table

    return metrics_table(args.to)


def write(
    table: TableWriter | None,
    judged: tuple[str, str | None, str | None, str, str],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the numbers into the table, if there is one.

    Args:
        table: of ``table_of``.
        judged: the fields of ``zap.jobs.metric_rows.Judged``.
        metrics: as a job gives them.

    Returns:
        ``written``: what became of it; nothing without a table.
    """
    if table is None:
        return {}
    from zap.jobs.metric_rows import Judged, write_metrics

    return {"written": write_metrics(table, Judged(*judged), metrics)}


def say_written(written: Mapping[str, Any]) -> None:
    """Tell people what became of it."""
    if written:
        told = written["written"]
        rows = f"{told['rows']:,} rows of evaluation {told['evaluation_id']}"
        done = "were there already" if told["repeated"] else "were added"
        print(f"{told['table']}: {rows} {done}")

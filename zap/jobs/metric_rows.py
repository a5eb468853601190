"""Evaluations into a table of BigQuery: one row for each number, added once.

The table may hold the evaluations of all applications; its rows are never replaced. An
evaluation is known by what it says: the same one again, by a repeated command or a job
that was started twice, adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from zap.bigquery.destination import TableSpec
from zap.bigquery.places import parse_place
from zap.bigquery.writing import TableWriter
from zap.evaluation.flat import MetricRow, flat_metrics

SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("made_at", pa.timestamp("us", "UTC")),
        ("command", pa.string()),
        ("application", pa.string()),
        ("version", pa.string()),
        ("question", pa.string()),
        ("scope", pa.string()),
        ("section", pa.string()),
        ("item", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("evaluation_id", pa.string()),
    ]
)
"""Tables that exist have these columns: add some, and do not rename any."""

SPEC = TableSpec(
    SCHEMA,
    "day",
    ("application", "metric"),
    "Evaluations of Zap: one row for each number.",
    {
        "day": "When it was made, UTC.",
        "command": "evaluate, of examples; or analyse, of served predictions.",
        "version": "Of the model; null where several were judged together.",
        "scope": "Which examples were judged.",
        "section": "Where the number stands, such as slices.country; null: whole.",
        "item": "Which one of a section's list, such as a segment's name.",
        "low": "The lower end of the 95 % interval, where there is one.",
        "high": "The upper end.",
        "n": "How many examples are behind it, if that is told.",
        "evaluation_id": "The same for all rows of one evaluation.",
    },
)
_NO_NUMBERS = ("made_at", "notes", "alarms")  # the alarms are among the checks


@dataclass(frozen=True)
class Judged:
    """What was judged, for the columns beside the numbers.

    Attributes:
        command: ``evaluate`` or ``analyse``.
        application: whose model it is, if that is known.
        version: the model's, if it is one.
        question: in words.
        scope: which examples.
    """

    command: str
    application: str | None
    version: str | None
    question: str
    scope: str


def metrics_table(where: str) -> TableWriter:
    """The table that a text names, made if it is missing: before the work begins.

    Raises:
        BigQueryError: it can't be written.
    """
    writer = TableWriter(parse_place(where).name, SPEC)
    writer.check()
    return writer


def write_metrics(
    table: TableWriter, judged: Judged, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Add the rows of an evaluation, unless they are there.

    Returns:
        ``table``, ``rows``, ``evaluation_id``, and ``repeated`` if it was there.

    Raises:
        BigQueryError: the service refuses.
    """
    rows = flat_metrics({k: v for k, v in metrics.items() if k not in _NO_NUMBERS})
    known = evaluation_id(judged, rows)
    batch = metric_batch(judged, rows, known, datetime.now(UTC))
    loaded = table.write_batches([batch], None, known)
    return {
        "table": table.name.url,
        "rows": loaded.rows,
        "evaluation_id": known,
        "repeated": loaded.repeated,
    }


def evaluation_id(judged: Judged, rows: Sequence[MetricRow]) -> str:
    """A digest of what an evaluation says, not of when it was made."""
    said = [asdict(judged), [asdict(row) for row in rows]]
    return sha256(json.dumps(said).encode()).hexdigest()[:32]


def metric_batch(
    judged: Judged, rows: Sequence[MetricRow], known: str, now: datetime
) -> pa.RecordBatch:
    """The rows of an evaluation in ``SCHEMA``."""
    beside = {**asdict(judged), "evaluation_id": known}
    beside |= {"made_at": now, "day": now.date()}
    return pa.RecordBatch.from_pylist([{**beside, **asdict(r)} for r in rows], SCHEMA)

"""Canonical events of plain rows, and histories turned back into plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zap.encoding.columns import MISSING, Categorical
from zap.events.schema import canonical_schema
from zap.histories.batch import HistoryBatch

BASE = datetime(2024, 1, 30, tzinfo=UTC)
PROPERTIES = {"uid": "int", "amount": "float", "lines": "int", "flag": "bool"}


@pytest.fixture(scope="session")
def base_us() -> int:
    """The instant of minute 0 in microseconds."""
    return int(BASE.timestamp()) * 1_000_000


@pytest.fixture(scope="session")
def table_of() -> Callable[[Iterable[Mapping[str, Any]]], pa.Table]:
    """Makes a table of rows with who, t and received (minutes), type, ..."""

    def make(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        full = [
            {
                "source": "s",
                "row": place,
                **row,
                "anonymous_id": row["who"],
                "timestamp": BASE + timedelta(minutes=row["t"]),
                "received_at": None
                if row.get("received") is None
                else BASE + timedelta(minutes=row["received"]),
            }
            for place, row in enumerate(rows)
        ]
        return pa.Table.from_pylist(full, schema=canonical_schema(PROPERTIES))

    return make


@pytest.fixture(scope="session")
def events_of() -> Callable[[HistoryBatch], dict[str, list[dict[str, Any]]]]:
    """Turns a batch into the events of each subject, as dicts of plain values."""

    def value(column: Any, i: int) -> Any:
        if isinstance(column, Categorical):
            code = column.codes[i]
            return None if code == MISSING else column.distinct[code]
        number = column.values[i].item()
        return None if np.isnan(number) else number

    def turn(batch: HistoryBatch) -> dict[str, list[dict[str, Any]]]:
        return {
            who: [
                {
                    **{n: value(c, i) for n, c in batch.columns.items()},
                    "time_us": int(batch.time_us[i]),
                    "known_us": int(batch.known_us[i]),
                    "session": (
                        int(batch.session_start[i]),
                        int(batch.session_stop[i]),
                    ),
                }
                for i in range(batch.offsets[row], batch.offsets[row + 1])
            ]
            for row, who in enumerate(batch.subject)
        }

    return turn

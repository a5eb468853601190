"""Histories made of plain rows, and examples turned back into plain values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zap.events.mapping import EventMapping
from zap.events.schema import canonical_schema
from zap.examples.slicing import Slices
from zap.histories.batch import HistoryBatch
from zap.histories.build import HistorySettings, build_histories
from zap.histories.identity import PERSON, resolved

# The plain loops of one test file can be imported by another.
sys.path.append(str(Path(__file__).parent))

BASE = datetime(2024, 1, 30, tzinfo=UTC)
PROPERTIES = {"uid": "int", "amount": "float", "color": "string", "flag": "bool"}
MAPPING = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})

Row = Mapping[str, Any]
MakeHistories = Callable[..., HistoryBatch]


def _moment(hours: float | None) -> datetime | None:
    return None if hours is None else BASE + timedelta(hours=hours)


def _table(rows: Iterable[Row]) -> pa.Table:
    """Canonical events of rows with who, t and received (hours), type, ..."""
    full = [
        {
            "source": "s",
            "row": place,
            **row,
            "anonymous_id": row["who"],
            "timestamp": _moment(row["t"]),
            "received_at": _moment(row.get("received")),
        }
        for place, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, schema=canonical_schema(PROPERTIES))


@pytest.fixture(scope="session")
def base_us() -> int:
    """The instant of hour 0 in microseconds."""
    return int(BASE.timestamp()) * 1_000_000


@pytest.fixture(scope="session")
def histories_of() -> MakeHistories:
    """Makes a batch of histories of plain rows."""

    def make(
        rows: Iterable[Row],
        fields: Collection[str] | None = None,
        settings: HistorySettings | None = None,
    ) -> HistoryBatch:
        names = {*PROPERTIES} if fields is None else {"uid", *fields}
        table, settings = _table(rows), settings or HistorySettings()
        if settings.subject == PERSON:
            table, _ = resolved(table)
        return build_histories(table, settings, names, MAPPING)[0]

    return make


@pytest.fixture(scope="session")
def plain() -> Callable[[Slices], list[dict[str, Any]]]:
    """Turns slices into one dict an example: whom, when, what is past and future."""

    def turn(slices: Slices) -> list[dict[str, Any]]:
        histories, cutoffs = slices.histories, slices.cutoffs
        uids = histories.columns["uid"].values.astype(int).tolist()
        examples = []
        for i in range(len(cutoffs)):
            row, position = int(cutoffs.subject[i]), int(cutoffs.position[i])
            start, stop = histories.offsets[row : row + 2]
            examples.append(
                {
                    "who": histories.subject[row],
                    "instant": int(cutoffs.instant_us[i]),
                    "past": tuple(uids[start:position]),
                    "future": tuple(uids[position:stop]),
                    "label": _value(slices.label[i]),
                    "weight": _value(slices.weight[i]),
                    **{n: _value(c[i]) for n, c in slices.statistics.items()},
                    **{f"base.{n}": _value(c[i]) for n, c in slices.baseline.items()},
                    **{f"moment.{n}": _value(c[i]) for n, c in slices.moment.items()},
                }
            )
        return examples

    return turn


def _value(number: np.float32) -> float | None:
    assert number.dtype == np.float32
    return None if np.isnan(number) else float(number)

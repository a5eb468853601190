"""What was known when: against a plain loop over the rows."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from bench.guards.events import ALWAYS, FIRST, as_table, visit_rows
from zap.checks.known import NEVER_US, Known
from zap.times import instant_us


def some_rows(seed: int) -> list[dict[str, Any]]:
    """Rows with ties, late and early receipts, ids, groups and dimensions."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(60):
        moment = FIRST + timedelta(minutes=rng.randrange(20))
        delay = rng.choice([None, -3, 0, 5, 90])
        rows.append(
            {
                "anonymous_id": rng.choice(["a", "b", None]),
                "timestamp": moment,
                "received_at": delay and moment + timedelta(minutes=delay),
                "type": "page_view",
                "event_id": rng.choice([None, None, "x", "y", "z"]),
                "group": rng.choice([None, None, "g", "h"]),
                "sequence": rng.choice([None, 1, 2]),
                "source": rng.choice(["one", "two"]),
            }
        )
    return rows


def micros(moment: Any) -> int:
    return instant_us(moment)


def rows_like(
    rows: list[dict[str, Any]], row: dict[str, Any], name: str
) -> list[dict[str, Any]]:
    """The rows of one subject with one value, if there is one; else the row."""
    if not row[name]:
        return [row]
    names = ("anonymous_id", name)
    return [other for other in rows if all(other[n] == row[n] for n in names)]


def known_first(rows: list[dict[str, Any]], row: dict[str, Any]) -> int:
    """When the first copy of a row had happened and was received."""
    return min(
        max(micros(c["timestamp"]), micros(c["received_at"] or c["timestamp"]))
        for c in rows_like(rows, row, "event_id")
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_row_is_known_with_its_first_copy_and_the_last_line_of_its_event(
    seed: int,
) -> None:
    rows = some_rows(seed)
    known = Known.of(as_table(rows), "anonymous_id")
    for row, found in zip(rows, known.known_us.tolist(), strict=True):
        lines = rows_like(rows, row, "group")
        assert found == max(known_first(rows, line) for line in lines)


@pytest.mark.parametrize("seed", range(5))
def test_ranks_ascend_with_the_order_and_are_shared_by_lines_of_one_event(
    seed: int,
) -> None:
    rows = [{**row, "place": place} for place, row in enumerate(some_rows(seed))]
    known = Known.of(as_table(some_rows(seed)), "anonymous_id")

    def order(row: dict[str, Any]) -> tuple[Any, ...]:
        late = row["sequence"] is None
        return row["timestamp"], late, row["sequence"] or 0, row["source"], row["place"]

    ranks = {row["place"]: rank for rank, row in enumerate(sorted(rows, key=order))}
    for row, found in zip(rows, known.rank.tolist(), strict=True):
        lines = rows_like(rows, row, "group")
        assert found == min(ranks[line["place"]] for line in lines)


def test_a_dimension_without_valid_from_is_known_at_no_time() -> None:
    plan = {"anonymous_id": "a", "type": "dimension.plans"}
    rows = [
        {**plan, "timestamp": ALWAYS},
        {**plan, "timestamp": FIRST},
        {**plan, "timestamp": ALWAYS, "type": "page_view"},
    ]
    known = Known.of(as_table(rows), "anonymous_id")
    assert known.always.tolist() == [True, False, False]
    assert known.known_us[0] == NEVER_US


def test_rows_of_a_subject_that_no_column_names_have_none() -> None:
    known = Known.of(as_table(visit_rows(3)), "person")
    assert known.subjects == [] and set(known.subject.tolist()) == {-1}


def test_no_rows_are_no_trouble() -> None:
    table = as_table([])
    assert isinstance(table, pa.Table)
    assert len(Known.of(table, "anonymous_id").known_us) == 0

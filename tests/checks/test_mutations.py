"""Alterations touch only what they may, and trip no limit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.guards.events import as_table, line_rows, plan_rows, visit_rows
from zap.checks.known import Known
from zap.checks.mutations import MUTATIONS
from zap.histories.batch import session_bounds

CONTENT = ("type", "page", "amount", "plan", "user_id", "url")
GAP_US = 30 * 60 * 1_000_000


def some_table(seed: int) -> pa.Table:
    rows = visit_rows(40, seed, 0.3) + plan_rows(40, seed, None)
    for place, row in enumerate(rows):
        rows[place] = {**row, "event_id": f"id-{place}" if place % 3 else None}
    return as_table(rows + [dict(row) for row in line_rows(5, seed)])


def altered(name: str, seed: int = 0) -> tuple[pa.Table, pa.Table, np.ndarray, Known]:
    """The table, the altered one, the rows that might be altered, what is known."""
    table = some_table(seed)
    known = Known.of(table, "anonymous_id")
    until = int(np.median(known.time_us[~known.always]))
    rows = known.known_us > until
    rng = np.random.default_rng(seed)
    since = np.full(len(rows), until)
    made = MUTATIONS[name](table, known, rows, since, "anonymous_id", rng)
    return table, made, rows, known


@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_other_rows_stay_as_they_are(name: str, seed: int) -> None:
    table, made, rows, _ = altered(name, seed)
    kept = {row["row"]: row for row in made.to_pylist()}
    for row, may in zip(table.to_pylist(), rows.tolist(), strict=True):
        if not may:
            assert kept[row["row"]] == row


def test_dropped_rows_are_gone() -> None:
    table, made, rows, _ = altered("dropped")
    assert made.num_rows == int((~rows).sum()) < table.num_rows


@pytest.mark.parametrize("name", ["changed", "shuffled"])
def test_no_row_comes_or_goes_or_changes_its_subject(name: str) -> None:
    table, made, _, _ = altered(name)
    for column in ("source", "row", "anonymous_id", "sequence"):
        assert made.column(column).equals(table.column(column))
    assert made.schema == table.schema


def test_shuffled_rows_hold_what_their_subject_s_rows_held() -> None:
    table, made, rows, _ = altered("shuffled")
    for name in ("timestamp", "received_at", "event_id", "group"):
        assert made.column(name).equals(table.column(name))

    def held(each: pa.Table) -> Counter[Any]:
        return Counter(
            (row["anonymous_id"], *(row[name] for name in CONTENT))
            for row, may in zip(each.to_pylist(), rows.tolist(), strict=True)
            # A dimension's rows have one subject each, and change hands.
            if may and not row["type"].startswith("dimension.")
        )

    assert held(made) == held(table)
    assert made.column("page").to_pylist() != table.column("page").to_pylist()


def test_changed_rows_move_later_and_away_from_each_other() -> None:
    table, made, rows, known = altered("changed")
    before, after = (
        np.array(each.column("timestamp").cast(pa.int64())) for each in (table, made)
    )
    assert (after >= before).all()
    future = rows & ~known.always & (before >= before[~rows].max())
    order = np.argsort(before[future], kind="stable")
    assert (np.diff(after[future][order]) >= np.diff(before[future][order])).all()
    assert (after[future] > before[future]).all()


@pytest.mark.parametrize("name", ["changed", "shuffled"])
@pytest.mark.parametrize("seed", range(3))
def test_no_sessions_merge(name: str, seed: int) -> None:
    table, made, rows, known = altered(name, seed)
    longest = []
    for each in (table, made):
        times = np.array(each.column("timestamp").cast(pa.int64()))
        # A late event may move, since it lies in no past.
        chosen = ~known.always & ~(
            rows & (known.time_us <= known.known_us[~rows].max())
        )
        order = np.lexsort((times[chosen], known.subject[chosen]))
        counts = np.bincount(known.subject[chosen][order])
        offsets = np.concatenate(([0], np.cumsum(counts)))
        start, stop = session_bounds(offsets, times[chosen][order], GAP_US)
        longest.append((stop - start).max())
    assert longest[1] <= longest[0]


def test_changed_rows_have_new_ids_and_groups() -> None:
    table, made, rows, _ = altered("changed")
    for name in ("event_id", "group"):
        old = set(table.column(name).to_pylist())
        pairs = zip(made.column(name).to_pylist(), rows.tolist(), strict=True)
        new = [value for value, may in pairs if may]
        assert {value for value in new if value} & old == set()
        assert new.count(None) == sum(
            value is None and may
            for value, may in zip(
                table.column(name).to_pylist(), rows.tolist(), strict=True
            )
        )


@pytest.mark.parametrize("name", ["changed", "shuffled"])
def test_a_dimension_without_valid_from_keeps_its_type_and_gets_other_values(
    name: str,
) -> None:
    table, made, rows, known = altered(name)
    assert rows[known.always].all()
    for column in ("type", "timestamp"):
        mine, other = (np.array(t.column(column)) for t in (table, made))
        assert (mine[known.always] == other[known.always]).all()
    plans = [
        np.array(t.column("plan").to_pylist())[known.always] for t in (table, made)
    ]
    assert (plans[0] != plans[1]).any()

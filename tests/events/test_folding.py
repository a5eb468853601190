"""Folding and the total order against plain loops, in any order of rows."""

import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.events.folding import fold_rows
from zap.events.mapping import EventMapping
from zap.events.order import total_order
from zap.events.schema import canonical_schema

FOLDS = {
    "total": ("float", "sum"),
    "lines": ("int", "count"),
    "head": ("string", "first"),
    "tail": ("string", "last"),
    "low": ("int", "min"),
    "high": ("int", "max"),
}
MAPPING = EventMapping.from_dict(
    {
        "row_group_key": "g",
        "fields": {"timestamp": "ts", "type": "event"},
        "properties": {
            name: {"type": kind, "fold": fold}
            | ({} if fold == "count" else {"column": name})
            for name, (kind, fold) in FOLDS.items()
        },
    }
)
SCHEMA = canonical_schema(MAPPING.property_types())
TEXT = st.sampled_from([None, "a", "b", "c"])
SECONDS = st.integers(0, 3).map(lambda s: datetime.fromtimestamp(s, UTC))
ROW = st.fixed_dictionaries(
    {
        "user_id": TEXT,
        "group": TEXT,
        "timestamp": SECONDS,
        "received_at": st.one_of(st.none(), SECONDS),
        "sequence": st.sampled_from([None, 1, 2]),
        "source": st.sampled_from(["f0", "aa"]),
        "type": st.sampled_from(["order", "other"]),
        "total": st.one_of(st.none(), st.floats(-1e6, 1e6)),
        "lines": st.just(1),
        "head": TEXT,
        "tail": TEXT,
        "low": st.one_of(st.none(), st.integers(-5, 5)),
        "high": st.one_of(st.none(), st.integers(-5, 5)),
    }
)
ROWS = st.lists(ROW, max_size=12).map(
    lambda rows: [{**row, "row": number} for number, row in enumerate(rows)]
)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    late = row["sequence"] is None
    return row["timestamp"], late, row["sequence"] or 0, row["source"], row["row"]


def fold_plainly(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=key):
        alone = row["user_id"] is None or row["group"] is None
        where = key(row) if alone else (row["user_id"], row["group"])
        groups.setdefault(where, []).append(row)
    folded = []
    for lines in groups.values():
        there = {
            name: [r[name] for r in lines if r[name] is not None] for name in FOLDS
        }
        alone = lines[0]["user_id"] is None or lines[0]["group"] is None
        event = dict(lines[0])
        event["received_at"] = received(lines)
        event["event_id"] = None if alone else event["group"]
        for name, (_, fold) in FOLDS.items():
            values = there[name]
            take = {"first": lambda v: v[0], "last": lambda v: v[-1], "count": sum}
            take |= {"sum": sum, "min": min, "max": max}  # type: ignore[dict-item]
            event[name] = take[fold](values) if values else None
        folded.append(event)
    return folded


def received(lines: list[dict[str, Any]]) -> datetime | None:
    """The last receipt; and no event of several times is there before its last line."""
    times = {line["timestamp"] for line in lines}
    receipts = [r["received_at"] for r in lines if r["received_at"] is not None]
    return max(receipts + (list(times) if len(times) > 1 else []), default=None)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@settings(max_examples=60)
@given(rows=ROWS, seed=st.integers(0, 99))
def test_folding_is_a_plain_loop_in_any_order_of_rows(
    rows: list[dict[str, Any]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    found, away = fold_rows(table(shuffled), MAPPING, "user_id")
    expected = fold_plainly(rows)
    assert away == len(rows) - len(expected)
    assert found.schema == SCHEMA
    got = found.to_pylist()
    for event, wanted in zip(got, expected, strict=True):
        total = wanted.pop("total")
        assert event.pop("total") == (None if total is None else pytest.approx(total))
        assert {name: event[name] for name in wanted} == wanted
    again, _ = fold_rows(table(rows), MAPPING, "user_id")
    assert again.equals(found)


@settings(max_examples=60)
@given(rows=ROWS)
def test_total_order_sorts_by_time_sequence_source_row(
    rows: list[dict[str, Any]],
) -> None:
    places = total_order(table(rows)).tolist()
    assert [rows[place] for place in places] == sorted(rows, key=key)


def test_chunks_do_not_matter() -> None:
    row = {"timestamp": datetime(2024, 1, 1, tzinfo=UTC), "type": "o", "source": "s"}
    rows = [
        {**row, "row": i, "user_id": "u", "group": "g", "low": 5 - i} for i in range(4)
    ]
    pieces = pa.concat_tables([table(rows[3:]), table(rows[:3])])
    found, away = fold_rows(pieces, MAPPING, "user_id")
    assert (found.num_rows, away) == (1, 3)
    assert found.column("low").to_pylist() == [2]
    assert found.column("row").to_pylist() == [0]


def test_sums_of_integers_stay_within_their_type() -> None:
    mapping = EventMapping.from_dict(
        {
            "row_group_key": "g",
            "fields": {"timestamp": "ts", "type": "event"},
            "properties": {"n": {"column": "n", "type": "int", "fold": "sum"}},
        }
    )
    row = {"timestamp": datetime(2024, 1, 1, tzinfo=UTC), "type": "o", "source": "s"}
    rows = [
        {**row, "row": i, "user_id": "u", "group": group, "n": n}
        for i, (group, n) in enumerate(
            [
                ("up", 2**62),
                ("up", 2**62),
                ("down", -(2**63)),
                ("down", -1),
                ("in", 2**53),
                ("in", 1),
            ]
        )
    ]
    events = pa.Table.from_pylist(rows, schema=canonical_schema({"n": "int"}))
    found, _ = fold_rows(events, mapping, "user_id")
    assert found.column("n").to_pylist() == [2**63 - 1, -(2**63), 2**53 + 1]


def test_an_invoice_of_two_minutes_is_known_with_the_second() -> None:
    first, second = datetime(2011, 1, 19, 16, 18), datetime(2011, 1, 19, 16, 19)
    row = {"user_id": "u", "type": "o", "source": "s"}
    rows = [
        {**row, "row": 0, "group": "two", "timestamp": first},
        {**row, "row": 1, "group": "two", "timestamp": second},
        {**row, "row": 2, "group": "one", "timestamp": second},
        {**row, "row": 3, "group": "one", "timestamp": second},
    ]
    found, _ = fold_rows(table(rows), MAPPING, "user_id")
    moments = [second.replace(tzinfo=UTC), None]
    assert found.column("received_at").to_pylist() == moments
    assert found.column("timestamp").to_pylist()[0] == first.replace(tzinfo=UTC)


def test_without_a_key_nothing_is_folded() -> None:
    mapping = EventMapping.from_dict({"fields": {"timestamp": "ts", "type": "event"}})
    events = table([])
    assert fold_rows(events, mapping, "user_id") == (events, 0)

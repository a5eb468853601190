"""The profile of events against counts made row by row."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from made_rows import FIRST, Row, write_rows
from made_weeks import MAPPING, twice, weekly_rows

from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.histories.profile import BUCKETS, EventProfile
from zap.times import instant_us

ROWS = weekly_rows(1, 60)


def profile_of(rows: list[Row], folder: Path, batch_rows: int = 50) -> dict:
    mapping = EventMapping.load(MAPPING)
    profile = EventProfile("anonymous_id", ("url.path", "place", "type"), 0)
    for source in list_sources([write_rows(folder / "rows.jsonl", rows)], mapping):
        for read in read_source(source, mapping, batch_rows=batch_rows):
            profile.add(read.events)
    return profile.to_dict()


def test_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    found = profile_of(ROWS, tmp_path)
    assert found["rows"] == found["events"] == len(ROWS)
    assert found["subjects"] == len({row["visitor"] for row in ROWS})
    assert found["types"] == dict(Counter(row["event"] for row in ROWS))
    assert found["days"] == len({str(row["time"])[:10] for row in ROWS})
    places = Counter(row["place"] for row in ROWS)
    counts = sorted(filter(None, found["fields"]["place"]["buckets"]))
    assert counts == sorted(places.values())
    assert (found["repeats"], found["repeated_ids"]) == (0, 0)


def test_batches_make_no_difference(tmp_path: Path) -> None:
    assert profile_of(ROWS, tmp_path, 7) == profile_of(ROWS, tmp_path, 10_000)


def test_events_under_new_ids_are_repeats(tmp_path: Path) -> None:
    rows = twice(ROWS)
    found = profile_of(rows, tmp_path)
    again = len(rows) - len(ROWS)
    assert found["events"] == len(rows)
    assert found["repeats"] == pytest.approx(again / len(rows))


def test_events_under_their_own_ids_are_not_counted_again(tmp_path: Path) -> None:
    rows = twice(ROWS, new_ids=False)
    found, once = profile_of(rows, tmp_path), profile_of(ROWS, tmp_path)
    again = len(rows) - len(ROWS)
    assert found["repeated_ids"] == pytest.approx(again / len(rows))
    for name in ("events", "subjects", "repeats", "days"):
        assert found[name] == once[name]


def test_honest_ties_are_no_repeats(tmp_path: Path) -> None:
    """Two pages in one second are two events, the same page twice is a repeat."""
    one = {**ROWS[0], "id": "a", "url": "https://shop.example/a"}
    other = {**one, "id": "b", "url": "https://shop.example/b"}
    assert profile_of([one, other], tmp_path)["repeats"] == 0
    assert profile_of([one, {**one, "id": "c"}], tmp_path)["repeats"] == 0.5


def test_missing_and_constant_fields_are_told(tmp_path: Path) -> None:
    rows = [{**row, "place": None if i % 4 else "x"} for i, row in enumerate(ROWS)]
    field = profile_of(rows, tmp_path)["fields"]["place"]
    present = sum(1 for row in rows if row["place"])
    assert field["missing"] == pytest.approx(1 - present / len(rows))
    assert field["constant"] and sum(field["buckets"]) == present
    assert not profile_of(ROWS, tmp_path)["fields"]["place"]["constant"]


def test_earlier_events_are_not_counted(tmp_path: Path) -> None:
    mapping = EventMapping.load(MAPPING)
    day = FIRST.replace(day=4)
    profile = EventProfile("anonymous_id", (), instant_us(day))
    for source in list_sources([write_rows(tmp_path / "r.jsonl", ROWS)], mapping):
        for read in read_source(source, mapping):
            profile.add(read.events)
    late = [r for r in ROWS if datetime.fromisoformat(str(r["time"])) >= day]
    assert profile.to_dict()["events"] == len(late) < len(ROWS)


def test_numbers_count_by_sign_and_power_of_two() -> None:
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("timestamp", pa.timestamp("us", "UTC")),
            ("type", pa.string()),
            ("anonymous_id", pa.string()),
            ("amount", pa.float64()),
        ]
    )
    amounts = [0.0, 1.0, 1.5, 2.0, -2.0, 1e30, -1e30, None]
    n = len(amounts)
    columns = [[str(i) for i in range(n)], [0] * n, ["x"] * n, ["v"] * n, amounts]
    batch = pa.RecordBatch.from_pydict(
        dict(zip(schema.names, columns, strict=True)), schema=schema
    )
    profile = EventProfile("anonymous_id", ("amount",), 0)
    profile.add(batch)
    found = profile.to_dict()["fields"]["amount"]
    places = {at: count for at, count in enumerate(found["buckets"]) if count}
    assert len(found["buckets"]) == BUCKETS and sum(places.values()) == n - 1
    assert places[BUCKETS // 2] == 1  # zero
    assert sorted(places.values()) == [1, 1, 1, 1, 1, 2]  # 1 and 1.5 are together
    assert found["missing"] == pytest.approx(1 / n)


def test_no_events_are_no_error(tmp_path: Path) -> None:
    found = EventProfile("anonymous_id", ("place",), 0).to_dict()
    assert (found["rows"], found["events"], found["subjects"]) == (0, 0, 0)

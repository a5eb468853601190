"""States of a table: their events held against dicts of rows, and states that lie."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.cli.main import main
from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.snapshot_events import write_snapshot_events
from zap.events.snapshot_states import SnapshotOptions
from zap.events.sources import list_sources

Rows = dict[str, dict[str, Any]]
DAY = "users_%Y-%m-%d.parquet"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("plan", pa.string()),
        ("seats", pa.int64()),
        ("x", pa.float64()),
    ]
)


def write_state(folder: Path, day: int, rows: Rows, schema: pa.Schema = SCHEMA) -> Path:
    path = folder / f"users_2024-03-{day:02d}.parquet"
    listed = [{"id": key, **row} for key, row in rows.items()]
    pq.write_table(pa.Table.from_pylist(listed, schema), path, row_group_size=3)
    return path


def events_of(folder: Path, paths: list[Path], **options: Any) -> list[dict[str, Any]]:
    """The events of states, in the order of the file."""
    output = folder / "events.parquet"
    chosen = SnapshotOptions(key="id", **({"day": DAY} | options))
    write_snapshot_events([str(path) for path in paths], output, chosen)
    found = pq.read_table(output).to_pylist()
    output.unlink()
    return found


def by_hand(old: Rows | None, new: Rows) -> list[tuple[Any, ...]]:
    """What happened between two states, with dicts."""
    if old is None:
        return [("row.present", k, None, new[k], None) for k in sorted(new)]

    def differ(key: str) -> list[str]:
        names = ("plan", "seats", "x")
        return [name for name in names if new[key][name] != old[key][name]]

    found = [
        ("row.created", k, None, new[k], None) for k in sorted(new) if k not in old
    ]
    found += [
        ("row.changed", k, ",".join(differ(k)), new[k], old[k])
        for k in sorted(new)
        if k in old and differ(k)
    ]
    return found + [
        ("row.deleted", k, None, old[k], None) for k in sorted(old) if k not in new
    ]


ROW = st.fixed_dictionaries(
    {
        "plan": st.sampled_from([None, "free", "paid"]),
        "seats": st.sampled_from([None, 1, 2]),
        "x": st.sampled_from([None, 0.5, -1.0]),
    }
)
STATES = st.lists(
    st.dictionaries(st.sampled_from("abcdeü"), ROW, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=30)
@given(states=STATES)
def test_events_are_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, states: list[Rows]
) -> None:
    folder = tmp_path_factory.mktemp("states")
    days = [2 + 3 * place for place in range(len(states))]
    paths = [write_state(folder, day, s) for day, s in zip(days, states, strict=True)]
    found = events_of(folder, paths[::-1], max_deleted_share=1.0)
    expected = []
    for place, (day, new) in enumerate(zip(days, states, strict=True)):
        # A day's state is known when the day is over.
        at = datetime(2024, 3, day, tzinfo=UTC) + timedelta(days=1)
        old = states[place - 1] if place else None
        expected += [(at, *event) for event in by_hand(old, new)]
    names = ("timestamp", "type", "key", "changed", "row", "old")
    assert [tuple(each[name] for name in names) for each in found] == expected
    assert len({each["id"] for each in found}) == len(found)


FREE = {"plan": "free", "seats": 1, "x": 0.5}
PAID = {"plan": "paid", "seats": 1, "x": 0.5}


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["type"], each["key"]) for each in events]


def test_nan_is_absent_and_so_no_change(tmp_path: Path) -> None:
    rows = {"a": {**FREE, "x": float("nan")}, "b": {**FREE, "x": float("nan")}}
    old = write_state(tmp_path, 1, rows)
    new = write_state(tmp_path, 2, {"a": {**FREE, "x": None}, "b": rows["b"]})
    found = events_of(tmp_path, [old, new])
    assert kinds(found) == [("row.present", "a"), ("row.present", "b")]


def test_a_state_in_several_files(tmp_path: Path) -> None:
    for day, rows in ((1, {"a": FREE, "b": FREE}), (2, {"a": FREE, "b": PAID})):
        for key, row in rows.items():
            folder = tmp_path / f"day=2024-03-{day:02d}" / key
            folder.mkdir(parents=True)
            write_state(folder, day, {key: row})
    output = tmp_path / "out.parquet"
    options = SnapshotOptions(key="id", day="day=%Y-%m-%d")
    written = write_snapshot_events([f"{tmp_path}/day=*/*/*"], output, options)
    assert written.counts == {"row.present": 2, "row.changed": 1}
    assert [rows for _, rows in written.states] == [2, 2]


def test_a_column_that_comes_later_changes_its_rows(tmp_path: Path) -> None:
    old = write_state(tmp_path, 1, {"a": {"plan": "free"}}, SCHEMA.remove(3).remove(2))
    new = write_state(tmp_path, 2, {"a": FREE})
    (_, event) = events_of(tmp_path, [old, new])
    assert event["changed"] == "seats,x" and event["old"]["seats"] is None


def test_states_told_apart_by_a_column(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "plan": "free", "seen": date(2024, 3, 1)},
        {"id": 2, "plan": "free", "seen": date(2024, 3, 1)},
        {"id": 1, "plan": "paid", "seen": date(2024, 3, 4)},
    ]
    path = tmp_path / "history.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    found = events_of(tmp_path, [path], day=None, column="seen")
    assert kinds(found) == [
        ("row.present", "1"),
        ("row.present", "2"),
        ("row.changed", "1"),
        ("row.deleted", "2"),
    ]
    assert found[2]["timestamp"] == datetime(2024, 3, 5, tzinfo=UTC)
    assert found[2]["row"] == {"plan": "paid"} and found[2]["old"] == {"plan": "free"}
    assert found[3]["row"] == {"plan": "free"}


def test_a_column_named_key_beside_another_key(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["a"], "key": ["door"], "timestamp": [1]}), path)
    (event,) = events_of(tmp_path, [path], day=None, times=("2024-03-01T12:00:00",))
    assert event["key"] == "a" and event["row"] == {"key": "door", "timestamp": 1}
    assert event["timestamp"] == datetime(2024, 3, 1, 12, tzinfo=UTC)


def test_csv_and_json_lines_are_read_like_parquet(tmp_path: Path) -> None:
    with open(tmp_path / "a.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "plan"), ("7", "free"), ("8", "")])
    rows = [{"id": 7, "plan": "paid"}, {"id": 8, "plan": None}]
    (tmp_path / "b.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    found = events_of(
        tmp_path,
        [tmp_path / "a.csv", tmp_path / "b.jsonl"],
        day=None,
        times=("2024-03-01", "2024-03-02"),
        columns=("plan",),
        timezone="America/New_York",
    )
    assert kinds(found[2:]) == [("row.changed", "7")]
    # Midnight after 2 March in New York.
    assert found[2]["timestamp"] == datetime(2024, 3, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,plan\na,free\na,paid\n", "id='a' in several rows"),
        ("id,plan\na,free\n,paid\n", "id=null in 1 rows"),
        ("id,plan\na,free\nb,paid,more\n", "csv.columns at"),
        ("id,plan\na,\xff\n", "not_utf8"),
    ],
)
def test_a_state_that_cannot_be_trusted_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=words):
        events_of(tmp_path, [path], day=None, times=("2024-03-01",))
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


def test_a_state_that_lost_most_of_its_rows_is_refused(tmp_path: Path) -> None:
    paths = [
        write_state(tmp_path, 1, {key: FREE for key in "abcd"}),
        write_state(tmp_path, 2, {"a": FREE}),
    ]
    with pytest.raises(InputError, match="3 of 4 rows gone at 2024-03-03"):
        events_of(tmp_path, paths)
    assert len(events_of(tmp_path, paths, max_deleted_share=0.75)) == 7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"day": None}, "one way to tell"),
        ({"times": ("2024-03-01",)}, "one way to tell"),
        ({"timezone": "Mars/North"}, "time zone"),
        ({"max_deleted_share": 2.0}, "share from 0 to 1"),
        ({"day": "orders_%Y.parquet"}, "part of the path"),
        ({"day": None, "times": ("soon",)}, "ISO 8601"),
        ({"day": None, "times": ("2024-03-01", "2024-03-02")}, "time for each input"),
    ],
)
def test_wrong_options_are_refused(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    path = write_state(tmp_path, 1, {"a": FREE})
    with pytest.raises(InputError, match=words):
        events_of(tmp_path, [path], **options)


@pytest.mark.parametrize(
    ("columns", "words"),
    [(("colour",), "colour"), (("tags",), "tags=list"), (("id",), "beside")],
)
def test_wrong_columns_are_refused(
    tmp_path: Path, columns: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "users_2024-03-01.parquet"
    pq.write_table(pa.table({"id": ["a"], "plan": ["free"], "tags": [["x"]]}), path)
    with pytest.raises(MappingError, match=words):
        events_of(tmp_path, [path], columns=columns)


def test_the_command_and_its_mapping_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_state(tmp_path, 1, {"a": FREE})
    write_state(tmp_path, 2, {"a": PAID})
    output = tmp_path / "events.parquet"
    arguments = ["snapshots", f"{tmp_path}/users_*", "--key", "id", "--day", DAY]
    arguments += ["--name", "users", "--output", str(output), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["events"] == {"users.present": 1, "users.changed": 1}
    assert told["states"][1] == {"at": "2024-03-03T00:00:00Z", "rows": 1}
    assert main(arguments) == 2  # the output is there already
    properties = {"plan": "row.plan", "before": "old.plan", "changed": "changed"}
    mapping = EventMapping.from_dict({"format": "snapshots", "properties": properties})
    (source,) = list_sources([str(output)], mapping)
    events = [e for b in read_source(source, mapping) for e in b.events.to_pylist()]
    names = ("type", "user_id", "plan", "before", "changed")
    assert [tuple(each[name] for name in names) for each in events] == [
        ("users.present", "a", "free", None, None),
        ("users.changed", "a", "paid", "free", "plan"),
    ]

"""Days of an archive in a table are what the archive's files hold, once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bigquery_server import BigQueryServer
from made_archived import batch_of, event_of, rows_of

from zap.bigquery.names import parse_table
from zap.cli.main import main
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.errors import BigQueryError, InputError
from zap.events.archive_days import archive_days
from zap.jobs.load_archive import load_archive

FIRST, SECOND, THIRD = (date(2024, 3, day) for day in (1, 2, 3))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def events(first: int = 0, size: int = 30) -> list[dict[str, Any]]:
    """Events of two sources on three days, in the order in which they came in."""
    return [
        event_of(
            f"e{number}",
            ("shop", "blog & more")[number % 2],
            day=3 * (number - first) // size,
            anonymous_id=f"v{number % 7}",
            properties={"total": number / 4, "name": 'a "quoted" ü'},
        )
        for number in range(first, first + size)
    ]


def archive(folder: Path, *batches: Sequence[Any], tidy: bool = False) -> Path:
    sink = ArchiveSink(folder, ArchiveOptions(tidy_s=0))
    first = sink.position() or 0
    for each in batches:
        sink.write(batch_of(each, first))
        first += len(each)
    if tidy:
        sink.tidy()
    sink.close()
    return folder


def place(bigquery: BigQueryServer) -> str:
    return f"bigquery://{bigquery.new_dataset()}.events"


def held(bigquery: BigQueryServer, where: str) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {parse_table(where).sql} ORDER BY sequence"
    return [dict(row) for row in bigquery.client().query(query).result()]


def wanted(folder: Path) -> list[dict[str, Any]]:
    """What the archive's files hold, read without Zap's reader."""
    rows = rows_of(folder)
    for row in rows:
        for name in ("timestamp", "received_at"):
            assert isinstance(row[name], datetime)
    return rows


def staged(bigquery: BigQueryServer, folder: Path, name: str) -> str:
    """A copy of an archive in the bucket."""
    shutil.copytree(folder, bigquery.bucket / name, dirs_exist_ok=True)
    return f"gs://bucket/{name}"


@pytest.mark.parametrize("where", ["here", "bucket"])
def test_the_table_holds_what_the_archive_holds(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path, where: str
) -> None:
    made = archive(tmp_path / "archive", events())
    given = str(made) if where == "here" else staged(bigquery, made, tmp_path.name)
    to = place(bigquery)
    found = load_archive(given, to)
    assert held(bigquery, to) == wanted(made)
    days = {each["day"]: each["events"] for each in found["days"]}
    assert days == {"2024-03-01": 10, "2024-03-02": 10, "2024-03-03": 10}
    assert found["events"] == 30
    row = held(bigquery, to)[1]
    assert json.loads(row["data"])["properties"]["name"] == 'a "quoted" ü'
    assert row["source"] == "blog & more"


def test_a_day_that_grows_and_whose_files_are_merged_is_there_once(
    bigquery: BigQueryServer, tmp_path: Path
) -> None:
    made, to = tmp_path / "archive", place(bigquery)
    for round_ in range(4):
        few = [events(40 * round_ + 10 * n, 10) for n in range(3)]
        archive(made, *few, tidy=round_ % 2 == 1)
        load_archive(str(made), to)
        assert held(bigquery, to) == wanted(made)
    there = list(made.glob("source=*/day=*/*.parquet"))
    assert len(there) > len([f for fs in archive_days(str(made)).values() for f in fs])
    load_archive(str(made), to)
    assert held(bigquery, to) == wanted(made)


def test_only_chosen_days_are_loaded(
    bigquery: BigQueryServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, to = archive(tmp_path / "archive", events()), place(bigquery)

    def loaded(*more: str) -> list[str]:
        assert main(["archive", "load", str(made), "--to", to, "--json", *more]) == 0
        told = json.loads(capsys.readouterr().out)
        return [each["day"][-2:] for each in told["days"]]

    assert loaded("--newest", "2") == ["02", "03"]
    assert {row["received_at"].date() for row in held(bigquery, to)} == {SECOND, THIRD}
    assert loaded("--days", "..2024-03-01") == ["01"]
    assert loaded("--days", "2024-03-02") == ["02"]
    assert loaded("--days", "2024-03-02..") == ["02", "03"]
    assert loaded("--days", "2024-03-01..2024-03-02", "--newest", "1") == ["02"]
    assert loaded("--days", "2025-01-01..") == []
    assert held(bigquery, to) == wanted(made)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--days", "yesterday"], "--days=yesterday"),
        (["--days", "2024-13-01..2024-01-01"], "ISO dates"),
        (["--days", "2024-03-02..2024-03-01"], "the first first"),
        (["--newest", "0"], "--newest=0"),
        (["--to", "events"], "bigquery://project.dataset.table"),
    ],
)
def test_a_wrong_argument_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    made = archive(tmp_path / "archive", events())
    to = ["--to", "bigquery://zap-test.d.t"]
    assert main(["archive", "load", str(made), *to, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected an archive"):
        load_archive(str(tmp_path), "bigquery://zap-test.d.t")
    (tmp_path / "source=a" / "day=today").mkdir(parents=True)
    (tmp_path / "source=a" / "day=today" / "x.parquet").write_bytes(b"")
    with pytest.raises(InputError, match="folders like day="):
        load_archive(str(tmp_path), "bigquery://zap-test.d.t")


def test_a_damaged_file_is_told_and_its_day_stays(
    bigquery: BigQueryServer, tmp_path: Path
) -> None:
    made, to = archive(tmp_path / "archive", events()), place(bigquery)
    load_archive(str(made), to)
    before = held(bigquery, to)
    (damaged,) = (made / "source=shop" / "day=2024-03-02").glob("*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(InputError, match=damaged.name):
        load_archive(str(made), to)
    assert held(bigquery, to) == before


def test_a_table_of_predictions_is_not_taken_for_one_of_events(
    bigquery: BigQueryServer, tmp_path: Path
) -> None:
    to = place(bigquery)
    bigquery.client().query(
        f"CREATE TABLE {parse_table(to).sql} (day DATE) PARTITION BY day"
    ).result()
    with pytest.raises(BigQueryError, match="by DAY of received_at"):
        load_archive(str(archive(tmp_path / "archive", events())), to)


def test_the_days_of_an_archive_are_those_of_its_folders(tmp_path: Path) -> None:
    made = archive(tmp_path / "archive", events())
    found = archive_days(str(made))
    assert [*found] == [FIRST, FIRST + timedelta(1), FIRST + timedelta(2)]
    assert [len(files) for files in found.values()] == [2, 2, 2]

"""Predictions in a table of BigQuery are those in files, and are there once."""

from __future__ import annotations

import json
import stat
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery_gaps import Gaps
from bigquery_server import BigQueryServer
from bigquery_tables import make_table
from made_scored import AT_US, WINDOWS, archive_of, scored_bundle, scored_events

from zap.bigquery.names import parse_table
from zap.errors import BigQueryError, InputError
from zap.jobs.batch_score import score
from zap.scoring.outputs import open_output
from zap.scoring.rows import SCHEMA
from zap.times import DAY_US

DAY, NEXT = date(2026, 1, 31), date(2026, 2, 1)
FEW = scored_events(150, seed=1)


def rows(day: date, size: int, first: int = 0) -> pa.RecordBatch:
    made = [
        {
            "application": "shop",
            "version": "0123456789abcdef",
            "subject": f"v{number}",
            "instant": day,
            "day": day,
            "probability": number / 7,
            "logits": [number / 3],
            "events": number,
            "prediction_id": f"{day}-{number}",
        }
        for number in range(first, first + size)
    ]
    for row in made:
        midnight = pa.scalar(day, pa.date32()).cast(pa.timestamp("us"))
        row["instant"] = midnight.value
    return pa.RecordBatch.from_pylist(made, SCHEMA)


def place(bigquery: BigQueryServer) -> str:
    return f"bigquery://{bigquery.new_dataset()}.predictions"


def held(bigquery: BigQueryServer, where: str) -> list[dict[str, Any]]:
    """The rows of a table, in their order by day and subject."""
    name = parse_table(where.partition("?")[0])
    query = f"SELECT * FROM {name.sql} ORDER BY day, subject"
    return [dict(row) for row in bigquery.client().query(query).result()]


def publish(where: str, day: date, *batches: pa.RecordBatch, app: str = "shop") -> Any:
    output = open_output(where)
    output.begin(app, [day])
    try:
        parts = [output.part(f"{n:03d}", [each]) for n, each in enumerate(batches)]
        output.part("000", batches[:1])  # by a worker that is asked again
        return output.publish(day, parts)
    finally:
        output.end()


def test_rows_on_their_way_are_for_nobody_else(
    bigquery: BigQueryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    where = place(bigquery)
    output = open_output(where)
    output.begin("shop", [DAY])
    (folder,) = tmp_path.iterdir()
    assert output.folder.startswith(f"{folder}/")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    output.end()
    publish(where, DAY, rows(DAY, 2))
    folder.chmod(0o755)
    with pytest.raises(InputError, match="drwxr-xr-x of user"):
        publish(where, DAY, rows(DAY, 2))
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="only you can look into"):
        publish(where, DAY, rows(DAY, 2))


@pytest.mark.parametrize("staging", ["", "?staging=gs://bucket/waiting"])
def test_a_day_is_published_once_however_often(
    bigquery: BigQueryServer, gs_bucket: str, staging: str
) -> None:
    where = place(bigquery) + staging
    publish(where, NEXT, rows(NEXT, 4))
    publish(where, DAY, rows(DAY, 9))
    for _ in range(2):
        said = publish(where, DAY, rows(DAY, 3), rows(DAY, 2, 3))
        assert (said["rows"], said["path"]) == (5, where.partition("?")[0])
    found = held(bigquery, where)
    assert [(r["day"], r["subject"]) for r in found] == [
        *((DAY, f"v{n}") for n in range(5)),
        *((NEXT, f"v{n}") for n in range(4)),
    ]
    wanted = rows(DAY, 5).to_pylist()
    for row, want in zip(found, wanted, strict=False):
        want["probabilities"] = []  # a column of arrays has no null
        assert row == want


def test_nothing_is_left_in_the_staging_folder(
    bigquery: BigQueryServer, gs_bucket: str
) -> None:
    where = f"{place(bigquery)}?staging={gs_bucket}/emptied"
    output = open_output(where)
    output.begin("shop", [DAY])
    part = output.part("000", [rows(DAY, 3)])
    folder = bigquery.bucket / "emptied"
    assert len(list(folder.rglob("*.parquet"))) == 1
    output.publish(DAY, [part])
    output.end()
    assert list(folder.rglob("*.parquet")) == []


def test_rows_that_could_not_be_read_are_kept(
    bigquery: BigQueryServer, gs_bucket: str
) -> None:
    where = f"{place(bigquery)}?staging={gs_bucket}/waiting"
    output = open_output(where)
    output.begin("shop", [DAY])
    letters = bigquery.bucket.parent / output.folder.removeprefix("gs://")
    (letters / "dead_letters").mkdir(parents=True)
    (letters / "dead_letters" / "a.jsonl").write_text("{}\n")
    kept = output.keep_letters(DAY)
    output.end()
    assert kept and kept.startswith(f"{gs_bucket}/waiting/_dead_letters/zap-test.")
    assert (bigquery.bucket.parent / kept[5:] / "a.jsonl").read_text() == "{}\n"


def test_another_application_s_days_are_never_replaced(
    bigquery: BigQueryServer,
) -> None:
    where = place(bigquery)
    publish(where, DAY, rows(DAY, 3))
    with pytest.raises(BigQueryError, match="a table for 'blog' alone"):
        publish(where, DAY, rows(DAY, 1), app="blog")
    assert len(held(bigquery, where)) == 3


def test_staging_is_where_bigquery_loads_from() -> None:
    table = "bigquery://zap-test.d.t"
    for wrong, told in (
        ("?staging=s3://bucket", "Cloud Storage"),
        ("?staging=gs://", "Cloud Storage"),
        ("?from=2024-01-01", "nothing but staging"),
    ):
        with pytest.raises(BigQueryError, match=told):
            open_output(table + wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "classes", "amount"])
def test_the_table_has_what_files_have_to_the_bit(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path, kind: str
) -> None:
    bundle = scored_bundle(tmp_path / "bundle", sees=WINDOWS, kind=kind)
    archive = archive_of(tmp_path / "archive", FEW)
    times = [AT_US, AT_US + DAY_US]
    where = f"{place(bigquery)}?staging={gs_bucket}/waiting"
    score("shop", bundle, archive, times, where)
    score("shop", bundle, archive, times, str(tmp_path / "predictions"))
    wanted = []
    for day in ("2024-03-21", "2024-03-22"):
        for row in pq.read_table(tmp_path / f"predictions/day={day}").to_pylist():
            row["probabilities"] = row["probabilities"] or []
            wanted.append({**row, "day": date.fromisoformat(day)})
    wanted.sort(key=lambda row: (row["day"], row["subject"]))
    found = held(bigquery, where)
    assert len(found) > 200
    assert found == wanted


def test_events_of_a_table_are_scored_like_those_of_files(
    bigquery: BigQueryServer, gaps: Gaps, tmp_path: Path
) -> None:
    bundle = scored_bundle(tmp_path / "bundle", WINDOWS)
    archive = archive_of(tmp_path / "archive", FEW)
    lines = [line for path in archive for line in Path(path).read_text().splitlines()]
    events = pa.Table.from_pylist([json.loads(line) for line in lines])
    table = make_table(bigquery, f"{bigquery.new_dataset()}.events", events)
    found = []
    for name, inputs in (("files", archive), ("table", [table])):
        score("shop", bundle, inputs, [AT_US], str(tmp_path / name))
        (path,) = (tmp_path / name).rglob("*.parquet")
        found.append(path.read_bytes())
    assert found[0] == found[1]
    assert gaps.reads

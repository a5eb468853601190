"""Rows reach a table once, whatever goes wrong on the way."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery_schema import wrong_in
from bigquery_server import BigQueryServer

from zap.bigquery import loads
from zap.bigquery.destination import TableSpec
from zap.bigquery.job_names import Load, job_name
from zap.bigquery.loads import load_uris
from zap.bigquery.names import TableName, parse_table
from zap.bigquery.writing import (
    TableWriter,
    batches_of,
    content_of,
    rows_of,
    write_parquet,
)
from zap.errors import BigQueryError, InputError

SCHEMA = pa.schema(
    [
        ("day", pa.date32()),
        ("subject", pa.string()),
        ("p", pa.float64()),
        ("all", pa.list_(pa.float64())),
    ]
)
DAY, NEXT = date(2026, 1, 31), date(2026, 2, 1)


def rows(day: date, size: int, p: float = 0.5) -> pa.Table:
    subjects = [f"v{number}" for number in range(size)]
    columns = [[day] * size, subjects, [p] * size, [[p, 1 - p]] * size]
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), SCHEMA)


def writer(bigquery: BigQueryServer) -> TableWriter:
    name = parse_table(f"bigquery://{bigquery.new_dataset()}.t")
    return TableWriter(name, TableSpec(SCHEMA, "day", ("subject",)))


def files(folder: str, table: pa.Table, parts: int) -> list[str]:
    """A table as files of a folder, which fsspec knows."""
    import fsspec

    paths = []
    for part in range(parts):
        paths.append(f"{folder}/part-{part}.parquet")
        with fsspec.open(paths[-1], "wb", auto_mkdir=True) as file:
            size = -(-len(table) // parts)
            pq.write_table(table.slice(part * size, size), file)
    return paths


def held(bigquery: BigQueryServer, name: TableName) -> list[Any]:
    """What a table holds, asked by the vendor's client."""
    query = f"SELECT day, subject, p FROM {name.sql} ORDER BY day, subject"
    return [tuple(row) for row in bigquery.client().query(query).result()]


def expected(*tables: pa.Table) -> list[Any]:
    found = [
        (row["day"], row["subject"], row["p"])
        for table in tables
        for row in table.to_pylist()
    ]
    return sorted(found)


def jobs(bigquery: BigQueryServer) -> list[str]:
    """The ids of the load jobs that have been asked for since the last time."""
    return [
        each["body"]["jobReference"]["jobId"]
        for each in bigquery.requests()
        if each["method"] == "POST" and each["path"].endswith("/jobs")
        if "load" in each["body"]["configuration"]
    ]


def write(
    to: TableWriter, table: pa.Table, folder: str | None, day: date | None = DAY
) -> Any:
    """Write a table from files of a folder, or as it is."""
    if folder is None:
        return to.write_batches(table.to_batches(), day)
    return to.write_files(files(folder, table, 3), day)


# Files of a disk go the way of rows in memory once they are read.
@pytest.fixture(
    params=["sent", "staged", pytest.param("local", marks=pytest.mark.slow)]
)
def folder(request: Any, gs_bucket: str, tmp_path: Path) -> str | None:
    """Where rows come from: memory, files in the bucket, or files of a disk."""
    where = {"sent": None, "staged": f"{gs_bucket}/{tmp_path.name}", "local": tmp_path}
    return str(where[request.param]) if where[request.param] else None


def test_rows_are_in_the_table(bigquery: BigQueryServer, folder: str | None) -> None:
    to, table = writer(bigquery), rows(DAY, 50)
    loaded = write(to, table, folder)
    assert (loaded.rows, loaded.repeated) == (50, False)
    assert held(bigquery, to.name) == expected(table)
    client = bigquery.client()
    assert next(iter(client.list_rows(to.name.id)))["all"] == [0.5, 0.5]


def test_a_day_is_replaced_and_the_others_stay(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    to = writer(bigquery)
    first, other, second = rows(DAY, 30), rows(NEXT, 20), rows(DAY, 10, 0.25)
    write(to, first, folder)
    write(to, other, folder, NEXT)
    write(to, second, folder)
    assert held(bigquery, to.name) == expected(second, other)


def test_a_day_may_go_back_to_what_it_was(bigquery: BigQueryServer) -> None:
    """The job of the first rows is known to the service; it must not be taken."""
    to, first, second = writer(bigquery), rows(DAY, 30), rows(DAY, 30, 0.25)
    for table in (first, second, first):
        write(to, table, None)
        assert held(bigquery, to.name) == expected(table)


def test_a_run_again_gives_the_same_rows(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    to, table = writer(bigquery), rows(DAY, 30)
    for _ in range(3):
        write(to, table, folder)
        assert held(bigquery, to.name) == expected(table)


def test_a_day_without_rows_is_emptied(bigquery: BigQueryServer) -> None:
    to, other = writer(bigquery), rows(NEXT, 5)
    write(to, rows(DAY, 30), None)
    write(to, other, None, NEXT)
    assert write(to, rows(DAY, 0), None).rows == 0
    assert held(bigquery, to.name) == expected(other)


def test_added_rows_are_added_once(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    to, first, second = writer(bigquery), rows(DAY, 3), rows(NEXT, 4)
    assert not write(to, first, folder, None).repeated
    assert not write(to, second, folder, None).repeated
    again = write(to, first, folder, None)
    assert (again.repeated, again.rows) == (True, 3)
    assert held(bigquery, to.name) == expected(first, second)


def test_rows_are_added_again_to_a_table_that_was_removed(
    bigquery: BigQueryServer,
) -> None:
    to, table = writer(bigquery), rows(DAY, 3)
    write(to, table, None, None)
    bigquery.client().delete_table(to.name.id)
    assert not write(to, table, None, None).repeated
    assert held(bigquery, to.name) == expected(table)


@pytest.mark.parametrize("status", [0, 503])
def test_a_lost_answer_starts_nothing_new(
    bigquery: BigQueryServer, folder: str | None, status: int
) -> None:
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    bigquery.requests()
    way = "PUT" if folder is None or "gs://" not in folder else "POST"
    bigquery.fail({"match": f"{way} .*/jobs", "when": "after", "status": status})
    assert write(to, table, folder, None).rows == 20
    assert len(set(jobs(bigquery))) == 1
    assert held(bigquery, to.name) == expected(table)


def test_a_crash_before_the_answer_is_mended_by_the_next_run(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    """The process hears nothing of a job that has begun; the next run knows no more."""
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    way = "PUT" if folder is None or "gs://" not in folder else "POST"
    gone = {"when": "after", "status": 403, "reason": "gone"}
    bigquery.fail(
        {"match": f"{way} .*/jobs", **gone}, {"match": "GET .*/jobs/zap_.*", **gone}
    )
    with pytest.raises(BigQueryError, match="gone"):
        write(to, table, folder)
    assert write(to, table, folder).rows == 20
    assert held(bigquery, to.name) == expected(table)


@pytest.mark.slow
def test_a_process_that_is_killed_while_its_job_runs_leaves_the_rows_once(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path
) -> None:
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    (path,) = files(str(tmp_path), table, 1)
    code = "\n".join(
        [
            "import datetime, sys",
            "from test_writing import TableSpec, TableWriter, SCHEMA, parse_table",
            "to = TableWriter(parse_table(sys.argv[1]), TableSpec(SCHEMA, 'day'))",
            "to.write_files([sys.argv[2]], datetime.date(2026, 1, 31))",
        ]
    )
    bigquery.requests()
    bigquery.hold(True)
    command = [sys.executable, "-c", code, to.name.url, path]
    process = subprocess.Popen(command, env=environment(bigquery))
    while not jobs(bigquery):
        assert process.poll() is None
    process.kill()
    process.wait()
    bigquery.hold(False)
    assert write(to, table, str(tmp_path)).rows == 20
    assert held(bigquery, to.name) == expected(table)


def environment(bigquery: BigQueryServer) -> dict[str, str]:
    """For a process that imports this module."""
    here = Path(__file__).parent
    found = [str(here), str(here.parent / "sites"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **bigquery.environment(),
        "PYTHONPATH": os.pathsep.join([*found, str(here.parents[1])]),
    }


def test_two_runs_at_once_load_once(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    bigquery.requests()
    bigquery.hold(True)
    results: list[Any] = []
    runs = [
        threading.Thread(target=lambda to_=each: results.append(write(to, table, to_)))
        for each in (folder and f"{folder}/a", folder and f"{folder}/b")
    ]
    asked: list[str] = []
    for run in runs:
        run.start()
    while len(asked) < 2:  # both have asked while the job is running
        asked += jobs(bigquery)
    bigquery.hold(False)
    for run in runs:
        run.join(60)
    assert len(set(asked)) == 1
    assert sorted(each.repeated for each in results) == [False, True]
    assert held(bigquery, to.name) == expected(table)


def test_two_runs_of_different_rows_leave_those_of_one(
    bigquery: BigQueryServer,
) -> None:
    to, tables = writer(bigquery), [rows(DAY, 20), rows(DAY, 30, 0.25)]
    to.check()
    runs = [
        threading.Thread(target=lambda t=table: write(to, t, None)) for table in tables
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert held(bigquery, to.name) in [expected(table) for table in tables]


def test_a_job_that_fails_by_the_service_s_fault_is_tried_again(
    bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "_PAUSE_S", 0.001)
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    bigquery.requests()
    bigquery.fail({"job": "backendError"}, {"job": "rateLimitExceeded"})
    assert write(to, table, None).rows == 20
    assert [name[-2:] for name in jobs(bigquery)] == ["_0", "_1", "_2"]
    assert held(bigquery, to.name) == expected(table)


def test_a_service_that_goes_on_failing_is_told(
    bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "_PAUSE_S", 0.001)
    to = writer(bigquery)
    to.check()
    bigquery.fail(*[{"job": "backendError"}] * 6)
    with pytest.raises(BigQueryError, match=r"backendError.*asked for"):
        write(to, rows(DAY, 20), None)


@pytest.mark.parametrize("day", [DAY, None])
def test_a_run_after_the_service_has_recovered_loads(
    bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch, day: date | None
) -> None:
    """All ids that one run tries are those of failed jobs by then."""
    monkeypatch.setattr(loads, "_PAUSE_S", 0.001)
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    bigquery.fail(*[{"job": "backendError"}] * 6)
    with pytest.raises(BigQueryError, match="backendError"):
        write(to, table, None, day)
    bigquery.requests()
    assert write(to, table, None, day).rows == 20
    assert jobs(bigquery)[-1].endswith("_6")
    assert held(bigquery, to.name) == expected(table)


def test_jobs_that_fail_and_whose_answers_are_lost_are_tries_too(
    bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "_PAUSE_S", 0.001)
    to = writer(bigquery)
    to.check()
    bigquery.requests()
    lost = {"match": "PUT .*/jobs", "when": "after", "status": 403, "reason": "gone"}
    bigquery.fail(*[lost, {"job": "backendError"}] * 6)
    with pytest.raises(BigQueryError, match="backendError"):
        write(to, rows(DAY, 20), None)
    assert [name[-2:] for name in jobs(bigquery)] == [f"_{n}" for n in range(6)]


def test_what_is_wrong_stays_wrong_and_is_not_tried_again(
    bigquery: BigQueryServer,
) -> None:
    to = writer(bigquery)
    to.check()
    bigquery.requests()
    with pytest.raises(BigQueryError, match=r"'invalid': Some rows belong to diff"):
        write(to, rows(NEXT, 20), None, DAY)
    assert len(jobs(bigquery)) == 1
    assert held(bigquery, to.name) == []


def test_a_failed_load_leaves_the_day_as_it_was(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path
) -> None:
    """The second of two files is wrong: nothing of the first may be there."""
    to, before = writer(bigquery), rows(DAY, 20)
    write(to, before, None)
    where = f"{gs_bucket}/{tmp_path.name}"
    mixed = pa.concat_tables([rows(DAY, 10, 0.1), rows(NEXT, 10)])
    with pytest.raises(BigQueryError, match="different partitions"):
        to.write_files(files(where, mixed, 2), DAY)
    assert held(bigquery, to.name) == expected(before)


def test_a_job_that_failed_before_what_was_wrong_was_mended_is_tried_again(
    bigquery: BigQueryServer,
) -> None:
    to, table = writer(bigquery), rows(DAY, 20)
    to.check()
    bigquery.fail({"job": "accessDenied"})
    with pytest.raises(BigQueryError, match="Ask for the roles"):
        write(to, table, None)
    assert write(to, table, None).rows == 20
    assert held(bigquery, to.name) == expected(table)


def test_rows_that_are_not_all_there_are_told(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path
) -> None:
    to = writer(bigquery)
    paths = files(f"{gs_bucket}/{tmp_path.name}", rows(DAY, 20), 2)
    with pytest.raises(BigQueryError, match="Expected 21 rows"):
        to.write_files(paths, DAY, rows=21)


def test_a_file_that_is_gone_is_told(
    bigquery: BigQueryServer, gs_bucket: str, tmp_path: Path
) -> None:
    to = writer(bigquery)
    with pytest.raises(InputError, match="Expected a Parquet file"):
        to.write_files([f"{tmp_path}/gone.parquet"], DAY)
    with pytest.raises(InputError, match="Expected a Parquet file"):
        to.write_files([f"{gs_bucket}/gone.parquet"], DAY)


def test_more_files_than_a_job_takes_are_refused() -> None:
    load = Load(parse_table("bigquery://zap-test.d.t"), 1, "x", DAY)
    for number in (0, 10_001):
        with pytest.raises(BigQueryError, match=f"files={number:,} for"):
            load_uris(None, None, load, ["gs://bucket/x"] * number)


def test_what_is_sent_is_what_the_api_publishes(
    bigquery: BigQueryServer, folder: str | None
) -> None:
    to = writer(bigquery)
    bigquery.requests()
    write(to, rows(DAY, 20), folder)
    asked = bigquery.requests()
    # Pieces of an upload go to an address that the first answer names.
    described = [each for each in asked if each["method"] != "PUT"]
    assert [wrong for each in described for wrong in wrong_in(each)] == []
    (load,) = [
        each["body"]["configuration"]["load"]
        for each in asked
        if each["method"] == "POST" and each["path"].endswith("/jobs")
    ]
    assert load.pop("sourceUris", None) == (
        [f"{folder}/part-{n}.parquet" for n in range(3)]
        if folder and "gs://" in folder
        else None
    )
    project, dataset, table = to.name.id.split(".")
    assert load == {
        "createDisposition": "CREATE_NEVER",
        "destinationTable": {
            "projectId": project,
            "datasetId": dataset,
            "tableId": f"{table}$20260131",
        },
        "parquetOptions": {"enableListInference": True},
        "sourceFormat": "PARQUET",
        "writeDisposition": "WRITE_TRUNCATE",
    }


def test_the_checker_sees_what_is_not_published(bigquery: BigQueryServer) -> None:
    path = "/bigquery/v2/projects/p/jobs"
    load = {"writeDisposition": 7, "shredInput": True}
    body = {"configuration": {"load": load}, "status": {}}
    wrong = wrong_in({"method": "POST", "path": path, "body": body})
    assert wrong == [
        "Job.configuration.load.writeDisposition is 7, no string",
        "Job.configuration.load.shredInput is unknown",
    ]
    assert wrong_in({"method": "PUT", "path": path, "body": None}) == [
        "no method PUT projects/p/jobs"
    ]


def test_a_job_s_name_tells_what_it_does_and_no_more() -> None:
    load = Load(parse_table("bigquery://zap-test.d.my täble-1"), 7, "x", DAY)
    name = job_name(load, "s", 2)
    assert name.startswith("zap_my_t_ble_1_20260131_") and name.endswith("_2")
    assert name == job_name(load, "s", 2)
    others = [
        job_name(Load(load.table, 7, "y", DAY), "s", 2),
        job_name(Load(load.table, 7, "x", NEXT), "s", 2),
        job_name(Load(load.table, 7, "x"), "s", 2),
        job_name(load, "t", 2),
        job_name(load, "s", 3),
    ]
    assert len({name, *others}) == 6
    assert all(c.isascii() and (c.isalnum() or c in "_-") for c in name)


def test_the_same_rows_are_the_same_bytes_however_they_are_cut() -> None:
    table = rows(DAY, 1000)
    made = []
    for size in (7, 1000):
        file = io.BytesIO()
        assert write_parquet(table.to_batches(max_chunksize=size), SCHEMA, file) == 1000
        made.append(file.getvalue())
    assert made[0] == made[1]
    assert pq.read_table(io.BytesIO(made[0])) == table


def test_row_groups_are_of_one_size() -> None:
    table = rows(DAY, 300_000)
    file = io.BytesIO()
    write_parquet(table.to_batches(max_chunksize=100_000), SCHEMA, file)
    parquet = pq.ParquetFile(file).metadata
    sizes = [parquet.row_group(n).num_rows for n in range(parquet.num_row_groups)]
    assert sizes == [131_072, 131_072, 37_856]


def test_files_are_read_as_the_columns_of_the_table(tmp_path: Path) -> None:
    table = rows(DAY, 10)
    other = table.append_column("more", pa.array(range(10))).select(
        ["more", "p", "subject", "day", "all"]
    )
    paths = files(str(tmp_path), other, 2)
    assert pa.Table.from_batches(batches_of(paths, SCHEMA)) == table
    assert rows_of(paths) == 10


def test_the_content_of_files_is_their_bytes_and_not_their_place(
    tmp_path: Path,
) -> None:
    first = files(str(tmp_path / "a"), rows(DAY, 10), 2)
    changed = files(str(tmp_path / "b"), rows(DAY, 11), 2)
    assert content_of(first) == content_of(first[::-1])
    assert content_of(first) != content_of(changed)
    assert content_of(first) != content_of(first[:1])

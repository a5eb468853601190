"""Datasets of tables: those of the same events as files, however they are read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import grpc
import made_exports as made
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery_gaps import Fault, Gaps
from bigquery_server import PROJECT, BigQueryServer
from bigquery_tables import make_table

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.events.mapping import EventMapping
from zap.examples import Generator, Hash, Instance, each, event, future

MAPPING: dict[str, Any] = {
    "fields": {
        "anonymous_id": "visitor",
        "timestamp": "time",
        "type": "kind",
        "url": "page",
    },
    "properties": {"price": {"column": "price", "type": "float"}},
    "observed": {"from": "2024-03-01", "until": "2024-04-01"},
}


class Paths(Generator):
    """What a visitor saw last, in order: ties in time decide what the model sees."""

    cutoffs = each(event("view"))
    label = future(days=1).any(event("buy"))
    instance = Instance(types=["view"], last=3, fields=[Hash("url"), Hash("price")])


def made_rows(seed: int = 1, visitors: int = 500) -> list[dict[str, Any]]:
    """Events of whole minutes, of which many share one; some are wholly alike."""
    rng = random.Random(seed)
    rows = []
    for visitor in range(visitors):
        for _ in range(rng.randint(4, 30)):
            row = {
                "visitor": f"visitor-{visitor:04d}-{'v' * 40}",
                "time": made.FIRST.replace(minute=rng.randrange(4)),
                "kind": rng.choice(("view", "view", "view", "buy")),
                "page": f"https://shop.example/{'p' * 60}/{rng.randrange(30)}",
                "price": rng.choice((None, 0.0, 9.5, 120.25)),
            }
            rows += [row] * rng.choice((1, 1, 1, 2))
    return rows


def table_of(rows: list[dict[str, Any]], seed: int = 0) -> pa.Table:
    """The rows in some order, and numbers that would put them into another."""
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    kinds = {"time": pa.timestamp("us", "UTC"), "price": pa.float64()}
    schema = pa.schema([(n, kinds.get(n, pa.string())) for n in rows[0]])
    return pa.Table.from_pylist(rows, schema)


def dataset_of(
    path: Path, source: str, mapping: dict[str, Any], *beam_args: str, **more: Any
) -> Dataset:
    options = GenerateOptions(split=NoSplit(), check=False, beam_args=beam_args, **more)
    own = mapping.get("fields") is MAPPING["fields"]
    question = Paths() if own else made.Exported()
    return generate(question, [source], EventMapping.from_dict(mapping), path, options)


def digest_of(path: Path, source: str, mapping: dict[str, Any], *more: str) -> str:
    return str(dataset_of(path, source, mapping, *more).manifest["digest"])


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return made_rows()


@pytest.fixture(scope="module")
def address(bigquery_server: BigQueryServer, rows: list[dict[str, Any]]) -> str:
    name = bigquery_server.new_dataset() + ".events"
    return make_table(bigquery_server, name, table_of(rows))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> str:
    """The digest of the rows as one file, ties broken by content."""
    folder = tmp_path_factory.mktemp("file")
    pq.write_table(table_of(rows, 5), folder / "events.parquet")
    ties = {**MAPPING, "ties": "content"}
    return digest_of(folder / "out", str(folder / "events.parquet"), ties)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "streams", [pytest.param(1, marks=SLOW), 3, pytest.param(7, marks=SLOW)]
)
def test_streams_do_not_change_a_dataset(
    tmp_path: Path, gaps: Gaps, address: str, wanted: str, streams: int
) -> None:
    gaps.faults = [Fault(grpc.StatusCode.UNAVAILABLE, after=1_000), None] * 2
    found = digest_of(tmp_path / "out", f"{address}?streams={streams}", MAPPING)
    assert found == wanted
    assert len({name for name, _ in gaps.reads}) == streams


@SLOW
def test_the_order_of_a_tables_rows_does_not_change_a_dataset(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer, rows: list[Any], wanted: str
) -> None:
    name = bigquery.new_dataset() + ".other_order"
    other = make_table(bigquery, name, table_of(rows, 9))
    assert digest_of(tmp_path / "out", f"{other}?streams=2", MAPPING) == wanted


@SLOW
def test_the_order_of_a_files_rows_does(tmp_path: Path, rows: list[Any]) -> None:
    # Else the tests above would prove nothing.
    digests = set()
    for seed in (5, 9):
        pq.write_table(table_of(rows, seed), tmp_path / f"{seed}.parquet")
        path = str(tmp_path / f"{seed}.parquet")
        digests.add(digest_of(tmp_path / f"out-{seed}", path, MAPPING))
    assert len(digests) == 2


@SLOW
def test_files_with_ties_by_content_may_be_cut_anyhow(
    tmp_path: Path, rows: list[Any], wanted: str
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    table = table_of(rows, 3)
    for number, start in enumerate(range(0, table.num_rows, 3_000)):
        part = table.slice(start, 3_000)
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=700)
    found = digest_of(tmp_path / "out", str(folder), {**MAPPING, "ties": "content"})
    assert found == wanted


@SLOW
def test_worker_processes_read_the_streams(
    tmp_path: Path, gaps: Gaps, address: str, wanted: str
) -> None:
    found = digest_of(
        tmp_path / "out", f"{address}?streams=4", MAPPING, "--direct_num_workers=2"
    )
    assert found == wanted


def exported(*without: str, **more: Any) -> dict[str, Any]:
    return {**made.plain_mapping(*without), **more}


@SLOW
def test_events_with_a_sequence_give_the_dataset_of_their_file(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer
) -> None:
    events = made.made_events()
    rng = random.Random(2)
    for place, one in enumerate(events):
        one |= {"timestamp": one["timestamp"].replace(second=0, microsecond=0)}
        one["number"] = place
    mapping = exported("event_id", "received_at")
    mapping["fields"] = {**mapping["fields"], "sequence": "number"}
    path = made.write_plain(tmp_path / "plain.jsonl", events)
    expected = digest_of(tmp_path / "file", str(path), mapping)
    rng.shuffle(events)
    name = bigquery.new_dataset() + ".numbered"
    table = make_table(bigquery, name, pa.Table.from_pylist(events))
    assert digest_of(tmp_path / "table", table, mapping) == expected


@pytest.mark.parametrize("copies", [1, pytest.param(2, marks=SLOW)])
def test_events_with_ids_give_the_dataset_of_their_file(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer, copies: int
) -> None:
    events = made.made_events() * copies
    path = made.write_plain(tmp_path / "plain.jsonl", events)
    file = dataset_of(tmp_path / "file", str(path), exported())
    random.Random(3).shuffle(events)
    name = bigquery.new_dataset() + ".named"
    table = make_table(bigquery, name, pa.Table.from_pylist(events))
    found = dataset_of(tmp_path / "table", table, exported())
    assert found.manifest["digest"] == file.manifest["digest"]
    assert found.manifest["counts"] == file.manifest["counts"]
    (source,) = found.manifest["sources"]
    assert source["path"] == table and source["bytes"] > 10_000
    assert source["rows"] == "" and source["snapshot_us"] > 0


def test_ga4_tables_of_days_give_the_dataset_of_their_export(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer
) -> None:
    events = made.made_events()
    dataset = bigquery.new_dataset()
    for first in range(0, 31):
        day = made.FIRST.replace(day=first + 1).date()
        own = [each for each in events if each["timestamp"].date() == day]
        if own:
            write_ga4(bigquery, f"{dataset}.events_{day:%Y%m%d}", own)
    # Beside them what is of no day, of another day, or of a day that is not over.
    for name in ("events_20240401", "events_intraday_20240301", "events_", "users_1"):
        write_ga4(bigquery, f"{dataset}.{name}", events[:3])
    path = made.write_ga4_parquet(tmp_path / "events_20240301-000000000000", events)
    expected = digest_of(tmp_path / "file", str(path), made.GA4)
    found = dataset_of(tmp_path / "out", f"bigquery://{dataset}.events_*", made.GA4)
    assert found.manifest["digest"] == expected
    assert found.manifest["counts"]["rows.read"] == len(events)
    modifiers = [asked.read_session.table_modifiers for asked in gaps.sessions]
    assert len({each.snapshot_time for each in modifiers}) == 1
    read = gaps.sessions[-1].read_session.read_options.selected_fields
    assert {"event_params", "event_timestamp"} <= {*read}
    assert not any(name.startswith(("geo", "device", "privacy")) for name in read)


def write_ga4(server: BigQueryServer, name: str, events: list[Any]) -> None:
    rows = pa.Table.from_pylist(
        [made.ga4_row(each) for each in events], made.GA4_SCHEMA
    )
    make_table(server, name, rows)


@SLOW
def test_a_query_gives_the_dataset_of_its_rows(
    tmp_path: Path,
    gaps: Gaps,
    bigquery: BigQueryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    events = made.made_events()
    name = bigquery.new_dataset() + ".raw"
    make_table(bigquery, name, pa.Table.from_pylist(events))
    query = tmp_path / "events.sql"
    query.write_text(
        f"SELECT * FROM `{name}`\n"
        "WHERE timestamp >= @from AND timestamp < @until AND type != 'identify'\n"
    )
    kept = [each for each in events if each["type"] != "identify"]
    path = made.write_plain(tmp_path / "plain.jsonl", kept)
    expected = digest_of(tmp_path / "file", str(path), exported())
    found = dataset_of(tmp_path / "table", str(query), exported())
    assert found.manifest["digest"] == expected
    assert found.manifest["sources"][0]["path"] == str(query)

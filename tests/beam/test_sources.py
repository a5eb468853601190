"""Workers name files as the process that starts a job does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_rows import made_rows, write_files
from made_shop import MadeShop

from zap.beam import sources
from zap.beam.generate import GenerateOptions, generate
from zap.beam.runner import make_pipeline
from zap.beam.sources import Inputs, read_inputs, read_lines, write_listing
from zap.beam.verdict import identical_files
from zap.datasets.store import Dataset, Workspace
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.parquet_rows import split_source
from zap.events.sources import Source, StoredFile, list_files, list_sources

SITES = Path(__file__).parents[1] / "sites"
ROWS = made_rows(120)
MAPPING = EventMapping.load(SITES / "made_shop.toml")


@pytest.fixture
def by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGE_BYTES", 0)
    monkeypatch.setattr(sources, "LISTED_TOGETHER", 2)


def parquet_files(folder: Path) -> list[str]:
    """Five files of several row groups, one of which is there twice."""
    folder.mkdir()
    for number in range(5):
        rows = pa.Table.from_pylist(ROWS[number % 4 :: 4])
        pq.write_table(rows, folder / f"{number}.parquet", row_group_size=30)
    return [str(folder)]


def made(paths: list[str], output: Path, **options) -> Dataset:
    return generate(MadeShop(), paths, MAPPING, output, GenerateOptions(**options))


def test_the_dataset_is_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "PART_ROWS", 100)
    paths = parquet_files(tmp_path / "raw")
    here = made(paths, tmp_path / "here").manifest
    monkeypatch.setattr(sources, "LARGE_BYTES", 0)
    monkeypatch.setattr(sources, "LISTED_TOGETHER", 2)
    there = made(paths, tmp_path / "there").manifest
    # The short proof takes the first rows, which are of other files.
    assert {**there, "check": here["check"]} == here
    assert there["check"]["verdict"] == here["check"]["verdict"]
    assert there["counts"]["files.identical"] == 1
    assert not list(Path(tmp_path / "there").glob("listing*"))


@pytest.mark.usefixtures("by_workers")
def test_text_files(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "raw", ROWS, files=5)
    found = made(paths, tmp_path / "found", check=False)
    expected = [(s.path, s.digest) for s in list_sources(paths, MAPPING)]
    told = [(s["path"], s["digest"]) for s in found.manifest["sources"]]
    assert told == expected


@pytest.mark.usefixtures("by_workers")
def test_a_file_that_no_worker_can_read(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "raw", ROWS, files=3)
    broken = tmp_path / "raw" / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"broken\.parquet"):
        made([*paths, str(broken)], tmp_path / "found", check=False)
    assert not (tmp_path / "found").exists()


def test_who_names_the_files() -> None:
    def left(size: int, number: int = 1, begin: str = "/data") -> bool:
        each = size // number
        files = [StoredFile(f"{begin}/{i}", each, "csv") for i in range(number)]
        return sources.left_to_workers(files)

    assert not left(2**30)
    assert left(2**30 + 1)
    assert not left(2**26, begin="gs://bucket")
    assert left(2**26 + 1, begin="gs://bucket")
    assert not left(10**6, 1_000)
    assert left(10**6, 1_001)


def test_a_long_listing_lies_in_the_workspace(tmp_path: Path) -> None:
    files = [
        StoredFile(f"gs://bucket/day=2024-01-01/ä {i}", i + 1, "parquet", "plans")
        for i in range(1_234)
    ]
    workspace = Workspace(tmp_path / "out")
    places = write_listing(files, workspace)
    assert len(places) == 3
    assert [file for place in places for file in read_lines(place)] == files
    workspace.discard()


def test_the_plan_of_a_job_does_not_grow_with_its_files(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "out")

    def plan_bytes(number: int) -> int:
        files = [StoredFile(f"gs://bucket/{i:060d}", 1, "csv") for i in range(number)]
        pipeline = make_pipeline([])
        read_inputs(pipeline, Inputs(files, None), workspace)
        return len(pipeline.to_runner_api().SerializeToString())

    few, many = plan_bytes(10), plan_bytes(20_000)
    assert many - few < 20_000  # less than a byte a file
    workspace.discard()


def test_parts_are_those_of_the_footer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "PART_ROWS", 60)
    paths = parquet_files(tmp_path / "raw")
    workspace = Workspace(tmp_path / "out")
    pipeline = make_pipeline([])
    inputs = Inputs(list_files(paths, MAPPING), None)
    parts, _, _ = read_inputs(pipeline, inputs, workspace)
    out = tmp_path / "parts.jsonl"
    _ = (
        parts
        | "Show" >> beam.Map(lambda part: [part.path, part.digest, part.row_groups])
        | beam.Map(json.dumps)
        | beam.io.WriteToText(str(out))
    )
    pipeline.run().wait_until_finish()
    lines = [
        line
        for each in tmp_path.glob("parts*")
        for line in each.read_text().splitlines()
    ]
    found = sorted(tuple(json.loads(line)) for line in lines)
    expected = [
        (part.path, part.digest, list(part.row_groups or ()))
        for source in list_sources(paths, MAPPING)
        for part in split_source(source, 60)
    ]
    assert found == sorted(expected)
    assert len(found) > 5
    workspace.discard()


def test_days_of_one_table_are_no_copies_nor_less() -> None:
    days = [Source("bigquery://p.d.events", f"{n}", 1, "bigquery") for n in range(2)]
    copies = [Source(f"{n}.csv", "one", 1, "csv") for n in range(3)]
    twice = [replace(copies[0], row_groups=(n,)) for n in range(2)]
    assert identical_files([*days, *copies, *twice]) == 2


def test_a_job_for_later_holds_no_streams_of_tables(tmp_path: Path) -> None:
    (path,) = write_files(tmp_path / "raw", ROWS, files=1)
    files = list_files([path], MAPPING)
    table = StoredFile("bigquery://p.d.t", 1, "bigquery", table="{}", digest="t")
    assert Inputs.of(files, later=True).sources == list_sources([path], MAPPING)
    assert Inputs.of([*files, table]).sources is not None
    assert Inputs.of([*files, table], later=True).sources is None

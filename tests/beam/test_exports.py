"""The main job on each export: the dataset of the same events as plain JSON Lines."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import made_exports as made
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.events.mapping import EventMapping

EVENTS = made.made_events()


def dataset_of(folder: Path, path: Path, mapping: dict[str, Any], **more) -> Dataset:
    return generate(
        made.Exported(),
        [str(path)],
        EventMapping.from_dict(mapping),
        folder / f"{path.name}.examples",
        GenerateOptions(split=NoSplit(), check=False, **more),
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("plain")
    path = made.write_plain(folder / "plain.jsonl", EVENTS)
    return dataset_of(folder, path, made.plain_mapping())


def assert_same(dataset: Dataset, plain: Dataset) -> None:
    assert sum(p["examples"] for p in plain.manifest["splits"].values()) > 100
    assert dataset.manifest["digest"] == plain.manifest["digest"]
    counts, wanted = dataset.manifest["counts"], plain.manifest["counts"]
    assert counts["events.read"] == wanted["events.read"] == len(EVENTS)


def test_segment_gives_the_same_dataset(tmp_path: Path, plain: Dataset) -> None:
    path = made.write_segment(tmp_path / "calls.json", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.SEGMENT), plain)


def test_snowplow_gives_the_same_dataset(tmp_path: Path, plain: Dataset) -> None:
    path = made.write_snowplow(tmp_path / "enriched", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.SNOWPLOW), plain)


@pytest.mark.parametrize("write", [made.write_ga4_json, made.write_ga4_parquet])
def test_ga4_gives_the_same_dataset(tmp_path: Path, plain: Dataset, write: Any) -> None:
    # No receipt tells that an event was late, so the plain rows have none either.
    rows = [{**each, "received_at": None} for each in EVENTS]
    beside = made.write_plain(tmp_path / "beside.jsonl", rows)
    expected = dataset_of(tmp_path, beside, made.plain_mapping(*made.GA4_LACKS))
    path = write(tmp_path / "events_20240301-000000000000", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.GA4), expected)


def test_bad_rows_are_counted_and_kept(tmp_path: Path) -> None:
    lines = [made.snowplow_line(made.snowplow_cells(one)) for one in EVENTS]
    rng = random.Random(1)
    cut, torn, timeless = rng.sample(range(len(lines)), 3)
    lines[cut] = lines[cut].replace("\t", " ", 1)
    lines[torn] = made.snowplow_line(made.snowplow_cells(EVENTS[torn]) | {52: '{"a"'})
    lines[timeless] = made.snowplow_line(
        made.snowplow_cells(EVENTS[timeless]) | {3: "", 124: ""}
    )
    path = tmp_path / "enriched.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    dataset = dataset_of(tmp_path, path, made.SNOWPLOW, max_bad_share=0.02)
    counts = dataset.manifest["counts"]
    bad = {name: n for name, n in counts.items() if name.startswith("rows.bad")}
    assert bad == {
        "rows.bad.snowplow.columns": 1,
        "rows.bad.json.invalid": 1,
        "rows.bad.timestamp.missing": 1,
    }
    assert counts["rows.read"] == len(lines) == counts["events.read"] + 3
    (letters,) = (Path(dataset.path) / "dead_letters").glob("*.jsonl")
    assert letters.read_text().count("\n") == 3

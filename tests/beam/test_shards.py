"""A shard that is too large is cut again, and nothing of it is lost or doubled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_rows import made_rows, write_files
from made_shop import MadeShop

from zap.beam import shards
from zap.beam.generate import GenerateOptions, generate
from zap.beam.pipeline import MOST_SHARDS, shard_count
from zap.beam.shards import tables_of
from zap.beam.shuffle import to_bytes
from zap.datasets.store import Dataset
from zap.errors import DatasetError
from zap.events.mapping import EventMapping
from zap.events.sources import StoredFile
from zap.histories.build import HistorySettings

SITES = Path(__file__).parents[1] / "sites"
ROWS = made_rows(120)
MAPPING = EventMapping.load(SITES / "made_shop.toml")
MANY = HistorySettings()


def piece(subjects: list[str], first: int = 0) -> bytes:
    rows = pa.array(np.arange(first, first + len(subjects)))
    types = pa.array(["view"] * len(subjects))
    return to_bytes(
        pa.RecordBatch.from_arrays(
            [pa.array(subjects), rows, types], ["anonymous_id", "row", "type"]
        )
    )


def cut(pieces: Iterable[bytes], how: HistorySettings = MANY, folder=None):
    counts: Counter[str] = Counter()
    return list(tables_of("00007", pieces, how, counts, folder)), counts


def test_what_fits_stays_together() -> None:
    [(name, table)], counts = cut([piece(["a", "b"]), piece(["a"], 2)])
    assert name == "00007"
    assert table.column("row").to_pylist() == [0, 1, 2]
    assert not counts


@settings(max_examples=20)
@example([7 * number % 5 for number in range(60)], 13)  # each subject in many batches
@given(st.lists(st.integers(0, 300), min_size=1, max_size=300), st.integers(1, 60))
def test_subjects_stay_whole_and_rows_are_there_once(
    numbers: list[int], most: int
) -> None:
    subjects = [f"visitor {number}" for number in numbers]
    sizes = Counter(subjects)
    pieces = [piece(subjects[i : i + 7], i) for i in range(0, len(subjects), 7)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "MOST_ROWS", most)
        patch.setattr(shards, "TOGETHER", 5)
        found, _ = cut(pieces)
    rows = [row for _, table in found for row in table.column("row").to_pylist()]
    assert sorted(rows) == list(range(len(subjects)))
    where: dict[str, str] = {}
    for name, table in found:
        for subject in table.column("anonymous_id").unique().to_pylist():
            assert where.setdefault(subject, name) == name
        several = table.column("anonymous_id").unique()
        alone = len(several) == 1 and sizes[several[0].as_py()] > most
        assert table.num_rows <= most or alone
    assert len({name for name, _ in found}) == len(found)


def test_nothing_stays_on_the_disk(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shards, "MOST_ROWS", 10)
    pieces = [piece([f"v{i}" for i in range(200)])]
    seen = [
        len(os.listdir(tmp_path))
        for _ in tables_of("0", pieces, MANY, Counter(), str(tmp_path))
    ]
    assert len(seen) > 8
    assert set(seen) == {1}
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shards, "MOST_ROWS", 10)
    with pytest.raises(DatasetError, match="gone"):
        cut([piece(["a"] * 50)], folder=str(tmp_path / "gone"))


def test_a_heavy_subject_in_small_pieces_is_withheld() -> None:
    """Ten rows in each piece never look like many."""
    pieces = [piece(["bot"] * 10 + [f"v{i}"]) for i in range(2_000)]
    [(_, table)], counts = cut(pieces, HistorySettings(max_subject_events=100))
    of_bot = table.column("anonymous_id").to_pylist().count("bot")
    assert of_bot == 101
    assert counts == {"events.dropped.max_subject_events": 20_000 - 101}
    assert table.num_rows - of_bot == 2_000


def test_the_dataset_is_the_same(tmp_path: Path, monkeypatch) -> None:
    def made(name: str) -> Dataset:
        options = GenerateOptions(check=False, shards=2)
        paths = write_files(tmp_path / "raw", ROWS)
        return generate(MadeShop(), paths, MAPPING, tmp_path / name, options)

    whole = made("whole")
    monkeypatch.setattr(shards, "MOST_ROWS", 100)
    parts = made("parts")
    files = {
        name: len(each.manifest["parts"])
        for name, each in (("whole", whole), ("parts", parts))
    }
    assert files["parts"] > 4 * files["whole"]
    for key in ("digest", "counts", "encoder_fingerprint", "selection"):
        assert parts.manifest[key] == whole.manifest[key]
    assert parts.recent() == whole.recent()


def test_shards_of_any_input_are_not_too_many() -> None:
    everything = [StoredFile(f"{i}", 50 * 10**6, "parquet") for i in range(100_000)]
    assert shard_count(everything, 1) == MOST_SHARDS

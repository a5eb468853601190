"""How many rows there are is told from a few files, and nearly right."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from zap.events import likely
from zap.events.likely import likely_rows
from zap.events.mapping import EventMapping
from zap.events.sources import StoredFile, list_files

MAPPING = EventMapping.from_dict({"fields": {"timestamp": "ts", "type": "event"}})
RNG = np.random.default_rng(0)


def line(number: int) -> bytes:
    row = {"ts": int(RNG.integers(2**40)), "event": "view", "number": number}
    return json.dumps(row).encode() + b"\n"


def found(folder: Path) -> int:
    return likely_rows(list_files([str(folder)], MAPPING))


def test_parquet_files_of_unequal_sizes(tmp_path: Path) -> None:
    sizes = [int(size) for size in RNG.integers(2_000, 9_000, 40)]
    for number, size in enumerate(sizes):
        values = pa.array(RNG.integers(0, 2**60, size))
        pq.write_table(pa.table({"ts": values}), tmp_path / f"{number:02d}.parquet")
    assert found(tmp_path) == pytest.approx(sum(sizes), rel=0.02)


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_texts_plain_and_compressed(
    tmp_path: Path, ending: str, pack, monkeypatch
) -> None:
    monkeypatch.setattr(likely, "HEAD_BYTES", 60_000)
    text = b"".join(line(number) for number in range(40_000))
    (tmp_path / f"events.jsonl{ending}").write_bytes(pack(text))
    assert found(tmp_path) == pytest.approx(40_000, rel=0.25)


def test_formats_are_told_apart(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ts": list(range(30_000))}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_bytes(b"".join(line(i) for i in range(10)))
    assert found(tmp_path) == 30_010


def test_few_files_are_looked_at(monkeypatch) -> None:
    looked: list[str] = []

    def rows_of(file: StoredFile) -> float:
        looked.append(file.path)
        return 1_000.0

    monkeypatch.setattr(likely, "_rows_of", rows_of)
    files = [StoredFile(f"gs://b/{i:06d}", 10**6, "parquet") for i in range(100_000)]
    assert likely_rows(files) == 100_000_000
    assert len(looked) == 16
    assert looked[0] == files[0].path and looked[-1] > "gs://b/090000"

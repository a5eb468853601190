"""Days of predictions in folders and object stores: whole, or as they were."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zap.errors import DatasetError, InputError
from zap.scoring.outputs import open_output
from zap.scoring.parquet_output import ParquetOutput, in_groups
from zap.scoring.rows import SCHEMA, Scores, prediction_rows
from zap.scoring.run_folder import RunFolder
from zap.times import instant_us

DAY = date(2026, 1, 31)
AT_US = instant_us("2026-01-31")
MODEL: Any = SimpleNamespace(
    application="shop", version="0f3a", kind="binary", classes=(), segments=None
)


def some_rows(begin: int, stop: int, value: float = 0.5) -> pa.RecordBatch:
    size = stop - begin
    scores = Scores(
        np.full(size, value), np.zeros((size, 2), np.float32), np.arange(begin, stop)
    )
    names = [f"s{number}" for number in range(begin, stop)]
    return prediction_rows(MODEL, names, np.full(size, AT_US), scores)


def parts_of(output: ParquetOutput, sizes: list[int], value: float = 0.5) -> list[Any]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [
        output.part(f"part-{n}", [some_rows(ends[n], ends[n + 1], value)])
        for n in range(len(sizes))
    ]


def publish(where: str, sizes: list[int], value: float = 0.5) -> dict[str, Any]:
    output = ParquetOutput(where)
    output.begin("shop", [DAY])
    found = output.publish(DAY, parts_of(output, sizes, value))
    assert output.keep_letters(DAY) is None
    output.end()
    return dict(found)


def files_in(where: str) -> dict[str, bytes]:
    files, path = fsspec.core.url_to_fs(where)
    names = sorted(files.find(path)) if files.exists(path) else []
    return {name[len(path) :].lstrip("/"): files.cat_file(name) for name in names}


def test_a_day_is_one_file_whatever_the_parts(root: str) -> None:
    told = publish(root, [3, 0, 5])
    first = files_in(root)
    assert list(first) == ["day=2026-01-31/predictions.parquet"]
    assert told["rows"] == 8 and told["bytes"] == len(*first.values())
    publish(root, [8])
    assert files_in(root) == first
    publish(root, [1, 1], value=0.25)
    (content,) = files_in(root).values()
    found = pq.read_table(pa.BufferReader(content))
    assert found.column("probability").to_pylist() == [0.25, 0.25]


def test_folders_are_read_as_a_table_partitioned_by_day(tmp_path: Path) -> None:
    publish(str(tmp_path), [4])
    found = pq.read_table(tmp_path).to_pylist()
    wanted = some_rows(0, 4).to_pylist()
    assert [{**row, "day": DAY} for row in found] == wanted
    assert found[0]["day"] == str(DAY)


def test_what_is_not_published_is_not_there(root: str) -> None:
    publish(root, [2])
    before = files_in(root)
    output = ParquetOutput(root)
    output.begin("shop", [DAY])
    parts_of(output, [9], 0.75)
    shown = {n: c for n, c in files_in(root).items() if not n.startswith("_")}
    assert shown == before
    output.end()
    assert files_in(root) == before


def by_worker(path: str, content: bytes) -> None:
    """Write a file with a client of its own, as workers in other processes do."""
    files, where = fsspec.core.url_to_fs(path, skip_instance_cache=True)
    files.makedirs(where.rpartition("/")[0], exist_ok=True)
    files.pipe_file(where, content)


def test_what_workers_write_is_seen_kept_and_removed(root: str) -> None:
    """Although the store was listed before, as it is where there are former runs."""
    output, other = ParquetOutput(root), ParquetOutput(root)
    for each in (output, other):
        each.begin("shop", [DAY])
        by_worker(f"{each.folder}/part.arrow", b"rows")
    letters = RunFolder(output.folder)
    kept = {}
    for day in (DAY, date(2026, 2, 1)):
        by_worker(f"{output.folder}/dead_letters/{day}.jsonl", str(day).encode())
        assert letters.glob("dead_letters/*") == [f"dead_letters/{day}.jsonl"]
        assert output.keep_letters(day) == f"{root}/_dead_letters/day={day}"
        kept[f"_dead_letters/day={day}/{day}.jsonl"] = str(day).encode()
    assert output.keep_letters(DAY) is None
    del kept[f"_dead_letters/day={DAY}/{DAY}.jsonl"]
    for each in (output, other):
        each.end()
    assert files_in(root) == kept


def die_with_parts(where: str) -> None:
    output = ParquetOutput(where)
    output.begin("shop", [DAY])
    parts_of(output, [3])
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_dead_runs_leave_is_cleared_and_live_ones_are_left_alone(
    tmp_path: Path,
) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=die_with_parts, args=(str(tmp_path),)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    (dead,) = (tmp_path / "_staging").iterdir()
    assert any(dead.iterdir()) and not list(tmp_path.glob("day=*"))
    one, other = ParquetOutput(str(tmp_path)), ParquetOutput(str(tmp_path))
    one.begin("shop", [DAY])
    of_one = parts_of(one, [2], 0.1)
    other.begin("shop", [DAY])
    assert not dead.exists()
    of_other = parts_of(other, [3], 0.9)
    one.publish(DAY, of_one)
    one.end()
    assert pq.read_table(tmp_path).num_rows == 2
    other.publish(DAY, of_other)
    other.end()
    assert pq.read_table(tmp_path).column("probability").to_pylist() == [0.9] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["day=2026-01-31"]


def test_only_predictions_of_the_application_are_replaced(root: str) -> None:
    publish(root, [1])
    with pytest.raises(InputError, match="of the application 'shop'"):
        ParquetOutput(root).begin("other", [DAY])
    files, path = fsspec.core.url_to_fs(f"{root}/day=2026-02-01/predictions.parquet")
    files.makedirs(path.rpartition("/")[0], exist_ok=True)
    files.pipe_file(path, b"mine")
    with pytest.raises(InputError, match="of something else"):
        ParquetOutput(root).begin("shop", [DAY, date(2026, 2, 1)])
    assert files.cat_file(path) == b"mine"


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DatasetError, match="can be written"):
        ParquetOutput(str(tmp_path / "file" / "below")).begin("shop", [DAY])
    with pytest.raises(InputError, match="Received: output=nothing://"):
        open_output("nothing://there")


def test_batches_are_cut_anew_without_loss() -> None:
    sizes = [0, 3, 10, 1, 0, 6]
    ends = np.cumsum([0, *sizes]).tolist()
    batches = [some_rows(a, b) for a, b in pairwise(ends)]
    found = list(in_groups(batches, 4))
    assert [table.num_rows for table in found] == [4] * 5
    assert pa.concat_tables(found).equals(pa.Table.from_batches(batches, SCHEMA))
    assert list(in_groups([], 4)) == []

"""Small files made into few, and readers who see all or nothing of it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_archived import batch_of, event_of, files_of, rows_of

from zap.collect.archive.merging import FEWEST, SMALL, to_merge
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.collect.archive.tidying import merge_files
from zap.errors import CollectError
from zap.events.archive_files import current, file_name, merged, span_of
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources, stored_bytes

MAPPING = EventMapping.from_dict({"format": "archive"})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


SPANS = st.lists(st.integers(0, 12), min_size=2, max_size=6, unique=True).map(sorted)


@given(st.lists(st.tuples(st.sampled_from("ab"), SPANS), max_size=8))
def test_a_file_within_another_is_told_by_its_name(
    found: list[tuple[str, list[int]]],
) -> None:
    paths = sorted({f"{folder}/{file_name(s[0], s[-1])}" for folder, s in found})
    kept = current([*paths, "a/notes.parquet", "a/.zap/000-999.parquet"])
    expected = []
    for path in paths:
        first, last = map(int, path[2:].removesuffix(".parquet").split("-"))
        assert span_of(path) == (first, last)
        others = [span_of(p) for p in paths if p[0] == path[0] and p != path]
        if not any(o[0] <= first and last <= o[1] for o in others if o):
            expected.append(path)
    assert kept == [*expected, "a/notes.parquet"]
    assert {*merged(paths)} == {*paths} - {*expected}


@given(st.lists(st.integers(1, 4 * SMALL), max_size=40), st.integers(2, 9))
def test_what_is_merged_are_the_newest_neighbours(
    sizes: list[int], fewest: int
) -> None:
    most = 16 * SMALL
    files = [*range(len(sizes))]
    found = [*to_merge(files, sizes, most, fewest)]
    assert found == files[len(files) - len(found) :]
    assert not found or len(found) >= fewest
    assert sum(sizes[file] for file in found) <= most


def test_few_files_are_left_and_few_bytes_written_again() -> None:
    sizes: list[int] = []
    again = 0
    for _ in range(20_000):
        sizes.append(SMALL)
        old = to_merge(range(len(sizes)), sizes, 1 << 60)
        if old:
            again += sum(sizes[file] for file in old)
            sizes[old[0] :] = [sum(sizes[file] for file in old)]
    assert len(sizes) < 2 * FEWEST + 8
    assert again < 16 * sum(sizes)


def test_merged_files_hold_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    options = ArchiveOptions(tidy_s=0, keep_merged_s=3_600)
    sink = ArchiveSink(tmp_path, options)
    for number in range(40):
        sink.write(batch_of([event_of(f"{number}", day=number // 30)], number))
    before = rows_of(tmp_path)
    listed = list_sources([str(tmp_path)], MAPPING)
    bytes_before = stored_bytes([str(tmp_path)], MAPPING)
    sink.tidy()
    after = files_of(tmp_path)
    assert len(after) < len(listed) == 40
    assert rows_of(tmp_path) == before
    # Who listed before still reads all of it; who lists now reads each row once.
    numbers = []
    for source in listed:
        for read in read_source(source, MAPPING):
            numbers += read.events.column("sequence").to_pylist()
    assert sorted(numbers) == [*range(40)]
    assert sorted(s.path for s in list_sources([str(tmp_path)], MAPPING)) == after
    assert stored_bytes([str(tmp_path)], MAPPING) < bytes_before
    sink.tidy()
    assert {s.path for s in listed} <= {str(p) for p in tmp_path.rglob("*.parquet")}
    sink.close()
    ended = ArchiveSink(tmp_path, ArchiveOptions(tidy_s=0, keep_merged_s=0))
    ended.tidy()
    ended.close()
    left = sorted(str(p) for p in tmp_path.glob("source=*/*/*.parquet"))
    assert left == files_of(tmp_path)
    assert rows_of(tmp_path) == before


def test_row_groups_of_a_merged_file_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = ArchiveSink(tmp_path, ArchiveOptions(tidy_s=0))
    rows = 25
    monkeypatch.setattr("zap.collect.archive.tidying.GROUP_ROWS", 8 * rows)
    for number in range(10):
        events = [event_of(f"{number}-{n}") for n in range(rows)]
        sink.write(batch_of(events, number * rows))
    sink.close()
    files = [Path(path) for path in files_of(tmp_path)]
    with pq.ParquetFile(merge_files(files, tmp_path / "made")) as parquet:
        sizes = [
            parquet.metadata.row_group(group).num_rows
            for group in range(parquet.num_row_groups)
        ]
    assert sizes == [8 * rows, 2 * rows]


def test_a_damaged_file_is_told_of_and_does_not_keep_the_others(tmp_path: Path) -> None:
    sink = ArchiveSink(tmp_path, ArchiveOptions(tidy_s=0))
    for number in range(20):
        sink.write(batch_of([event_of(f"{number}", "ab"[number % 2])], number))
    damaged, *_ = files_of(tmp_path)
    Path(damaged).write_bytes(b"PAR1")
    with pytest.raises(CollectError, match="source=a"):
        sink.tidy()
    sink.close()
    sink = ArchiveSink(tmp_path, ArchiveOptions(tidy_s=0.01))
    until = time.monotonic() + 30
    while not sink.problems() and time.monotonic() < until:
        time.sleep(0.01)
    assert "source=a" in sink.problems()["merging"]
    assert len([path for path in files_of(tmp_path) if "source=b" in path]) == 1
    sink.close()


def test_readers_see_each_event_once_while_files_are_merged(tmp_path: Path) -> None:
    sink = ArchiveSink(tmp_path, ArchiveOptions(tidy_s=0.02, keep_merged_s=60))
    stop, problems, rounds = threading.Event(), list[str](), [0]

    def read() -> None:
        while not stop.is_set():
            committed = sink.position() or 0
            numbers: list[int] = []
            if committed:
                for source in list_sources([str(tmp_path)], MAPPING):
                    for found in read_source(source, MAPPING):
                        numbers += found.events.column("sequence").to_pylist()
            if len({*numbers}) < len(numbers) or not {*range(committed)} <= {*numbers}:
                problems.append(f"{committed}: {sorted(numbers)}")
            rounds[0] += 1

    readers = [threading.Thread(target=read) for _ in range(2)]
    for each in readers:
        each.start()
    until, number = time.monotonic() + 4, 0
    while time.monotonic() < until and not problems:
        sink.write(batch_of([event_of(f"{number}", day=number // 60)], number))
        number += 1
    stop.set()
    for each in readers:
        each.join()
    sink.close()
    assert not problems
    assert rounds[0] > 4 and number > 40
    assert len(files_of(tmp_path)) < number

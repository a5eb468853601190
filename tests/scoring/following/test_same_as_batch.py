"""What follows an archive says what a batch over all of it says, to the bit."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_followed import (
    DAY_US,
    MAPPING,
    SECOND_US,
    GrowingArchive,
    by_key,
    made_job,
    posted,
)
from made_scored import FIRST_US, PAGES, WINDOWS

from zap.bundles.registry import Registry
from zap.events.archive_tail import ArchiveTail
from zap.events.mapping import EventMapping
from zap.jobs.batch_score import score
from zap.scoring.following.checking import reading_of
from zap.scoring.following.job import FollowJob, Times
from zap.scoring.following.notes import Note
from zap.scoring.following.options import Following
from zap.scoring.following.scores import followed_rows, latest, scorer_of
from zap.scoring.following.shard import Shard

Rows = dict[tuple[int, str], dict[str, Any]]


def follow(job: FollowJob, archive: GrowingArchive, events: list[Any]) -> pa.Table:
    """Read the archive while it grows, as a runner would have it read."""
    model = job.load()
    reading = reading_of(job, model)
    tail = ArchiveTail(job.archive, reading.raw_columns)
    shards = [
        Shard(model.need, job.following, scorer_of(model)) for _ in range(job.shards)
    ]
    place = number = 0
    batches = []
    for _ in archive.grow(events):
        for chunk in tail.chunks(place, 150):
            assert chunk.first == place
            place, rows, read = chunk.next, [], reading.read(chunk)
            for shard, packed in read.shards:
                number += 1
                note = Note(number, None, packed)
                rows += Note.of_bytes(note.to_bytes()).happen(shards[shard])
            mark = job.watermark_us(read.newest_us, False, Times(0, 0))
            for each in shards:
                rows += each.fire(mark - 1)
            if rows:
                batches.append(followed_rows(model, rows, job.run))
    for shard in shards:
        assert shard.counts["scores.corrected"] or job.following.receipts
    return pa.Table.from_batches(batches)


def batch_rows(folder: Path, job: FollowJob, inputs: str, at_us: int) -> Rows:
    """The rows of ``zap score``."""
    bundle = Registry(job.registry, job.application).load(job.version)
    output = folder / f"batch-{at_us}"
    mapping = job.mapping
    if not inputs.endswith("archive"):
        mapping = EventMapping.from_dict({**MAPPING, "format": "archive"})
    score(job.application, bundle, [inputs], [at_us], str(output), mapping)
    (file,) = output.glob("day=*/*.parquet")
    return by_key(pq.ParquetFile(file).read())


def without_receipts(folder: Path, archive: Path) -> str:
    """A copy of an archive whose events do not say when they were received."""
    copy = folder / "no-receipts"
    copy.mkdir()
    for place, path in enumerate(archive.glob("source=*/day=*/*.parquet")):
        table = pq.ParquetFile(path).read()
        column = table.schema.get_field_index("received_at")
        field = table.schema.field(column)
        table = table.set_column(column, field, pa.nulls(table.num_rows, field.type))
        pq.write_table(table, copy / f"{place}.parquet")
    return str(copy)


def assert_as_a_batch(folder: Path, job: FollowJob, ends: int) -> None:
    """The scores that hold at some windows' ends are those of a batch, to the bit."""
    archive = GrowingArchive(folder)
    found = by_key(latest(follow(job, archive, posted())))
    archive.close()
    inputs = str(archive.path)
    if not job.following.receipts:
        inputs = without_receipts(folder, archive.path)
    instants = sorted({at for at, _ in found})
    chosen = random.Random(1).sample(instants[2:], ends)
    for at in chosen:
        rows = {key: row for key, row in found.items() if key[0] == at}
        wanted = batch_rows(folder, job, inputs, at)
        assert rows and rows.keys() <= wanted.keys()
        for key, row in rows.items():
            assert len(wanted[key]) > 8
            assert {name: row[name] for name in wanted[key]} == wanted[key]


@pytest.mark.parametrize("receipts", [True, False])
def test_daily_scores_are_those_of_a_batch(tmp_path: Path, receipts: bool) -> None:
    until = FIRST_US + 15 * DAY_US
    following = Following(DAY_US, receipts, 90 * DAY_US, until_us=until)
    job = made_job(tmp_path, following, behind_us=30 * SECOND_US, shards=2)
    assert_as_a_batch(tmp_path, job, 2)


@pytest.mark.slow
@pytest.mark.parametrize("every_us", [0, 3600 * SECOND_US, DAY_US])
@pytest.mark.parametrize("receipts", [True, False])
@pytest.mark.parametrize("sees", [PAGES, WINDOWS])
def test_all_scores_are_those_of_a_batch(
    tmp_path: Path, sees: Any, receipts: bool, every_us: int
) -> None:
    until = FIRST_US + 15 * DAY_US
    following = Following(every_us, receipts, 90 * DAY_US, until_us=until)
    job = made_job(tmp_path, following, sees, behind_us=30 * SECOND_US)
    assert_as_a_batch(tmp_path, replace(job, shards=3), 3)

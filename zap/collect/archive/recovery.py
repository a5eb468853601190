"""An archive's notes made again from its events, where they are lost.

A copy of an archive that lacks the folder of notes is an archive all the same: the
names of its files tell how far it is, and its events which ids are known. Which days
they are known of is told by the same rule as when they are forgotten.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from zap.bundles.folders import write_file
from zap.collect.archive.ids import KnownIds, Span, content, days_over, id_hash
from zap.collect.archive.partitions import day_in, folders
from zap.datasets.publishing import sync, sync_tree
from zap.events.archive_files import current, span_of

RUN_HASHES = 1_000_000


def recover_position(root: Path) -> int | None:
    """The number after the last one that a file spans; None if there is no file."""
    spans = (span_of(path.name) for path in root.glob("source=*/day=*/*.parquet"))
    return max((span[1] for span in spans if span), default=None)


def recover_ids(root: Path, ids: KnownIds) -> None:
    """Make the runs of ids of the events that are still to be known.

    Args:
        root: the archive's folder.
        ids: whose folder is not there.

    Raises:
        OSError: the disk refuses, or a file can't be read.
    """
    made = ids.folder.with_name(f"{ids.folder.name}.made")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    places: dict[date, list[Path]] = defaultdict(list)
    for folder in folders(root):
        places[day_in(folder)].append(folder)
    over = {*days_over({day: _spans(ours) for day, ours in places.items()}, ids.days)}
    for day, ours in sorted(places.items()):
        if day not in over:
            (made / day.isoformat()).mkdir()
            _recover_day(ours, made, ids, day)
    sync_tree(made)
    made.replace(ids.folder)
    sync(ids.folder.parent)


def _spans(places: list[Path]) -> list[Span]:
    """The numbers that the files of some folders span."""
    paths = (path for place in places for path in place.glob("*.parquet"))
    return [span for path in paths if (span := span_of(path.name)) is not None]


def _recover_day(places: list[Path], made: Path, ids: KnownIds, day: date) -> None:
    """Write the runs of a day; as they are of no commit, numbers are made up for them.

    There are no more runs than events, so the numbers are below all that will come.
    """
    hashes: list[bytes] = []
    runs = 0

    def write() -> None:
        nonlocal runs
        path = made / day.isoformat() / ids.path_of(day, runs, runs + 1).name
        write_file(path, content(hashes))
        hashes.clear()
        runs += 1

    for folder in places:
        for path in current(sorted(map(str, folder.glob("*.parquet")))):
            for each in _hashes_in(path):
                hashes.append(each)
                if len(hashes) == RUN_HASHES:
                    write()
    if hashes:
        write()


def _hashes_in(path: str) -> Iterator[bytes]:
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(columns=["source", "event_id"]):
            for row in batch.to_pylist():
                if row["event_id"]:
                    yield id_hash(row["source"] or "", row["event_id"])

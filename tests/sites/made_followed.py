"""A collector's archive that grows piece by piece, and a model that follows it.

Events come late, with clocks that run fast, in disorder, and twice: by the same way,
which the archive takes once, and by another, which it can't know.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made_bundles import deployed
from made_scored import WINDOWS, scored_bundle, scored_events

from zap.collect.archive.sink import ArchiveSink
from zap.collect.record import encode_event
from zap.collect.spool import Spool, SpoolReader
from zap.encoding.instance import Instance
from zap.events.mapping import EventMapping
from zap.scoring.following.job import FollowJob
from zap.scoring.following.options import Following
from zap.scoring.following.scores import latest

DAY_US = 86_400_000_000
SECOND_US = 1_000_000
MAPPING = {
    "format": "archive",
    "properties": {"amount": {"column": "properties.amount", "type": "float"}},
}
TOML = """\
format = "archive"

[properties.amount]
column = "properties.amount"
type = "float"
"""


def posted(visitors: int = 120, seed: int = 0) -> list[dict[str, Any]]:
    """Events as a collector takes them, nearly in the order of their receipt."""
    rng = random.Random(seed)
    found = []
    for event in scored_events(visitors, seed):
        told = {k: v for k, v in event.items() if v is not None and k != "sequence"}
        amount = told.pop("amount", None)
        more = {} if amount is None else {"properties": {"amount": amount}}
        found.append({**told, **more, "source": rng.choice(["site", "app"])})
    for place in range(len(found) - 1):
        if rng.random() < 0.1:
            found[place], found[place + 1] = found[place + 1], found[place]
    return found


class GrowingArchive:
    """An archive in a folder, its spool beside it.

    Args:
        folder: of both.
    """

    def __init__(self, folder: Path):
        self.path = folder / "archive"
        self._spool = folder / "spool"
        self._sink = ArchiveSink(str(self.path))

    def grow(self, events: Sequence[dict[str, Any]], many: int = 200) -> Iterator[int]:
        """Write events, so many at a time, and tidy now and then; the position."""
        with Spool(self._spool) as spool:
            spool.append([encode_event(event) for event in events])
        reader, place = SpoolReader(self._spool), self._sink.position() or 0
        while place < reader.end:
            batch = reader.read(place, many)
            self._sink.write(batch)
            place = batch.next
            if place % 3 == 0:
                self._sink.tidy()
            yield place

    def close(self) -> None:
        """Let go of it."""
        self._sink.close()


def made_job(
    folder: Path, following: Following, sees: Instance = WINDOWS, **more: Any
) -> FollowJob:
    """A job of a live model, over the archive of the folder."""
    bundle = scored_bundle(folder / "bundle", sees)
    version = deployed(folder / "models", bundle, "scored")
    return FollowJob(
        archive=str(folder / "archive"),
        mapping=EventMapping.from_dict(MAPPING),
        registry=str(folder / "models"),
        application="scored",
        version=version,
        output=str(folder / "scores"),
        following=following,
        **more,
    )


def written(output: Path) -> pa.Table:
    """All rows of an output, those too that no longer hold."""
    files = sorted(output.glob("day=*/*.parquet"))
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def holding(output: Path) -> dict[tuple[int, str], dict[str, Any]]:
    """The rows that hold, by instant and subject."""
    return by_key(latest(written(output)))


def by_key(table: pa.Table) -> dict[tuple[int, str], dict[str, Any]]:
    """Rows by instant, in microseconds, and subject."""
    at = table.column("instant").cast(pa.int64()).to_pylist()
    rows = table.to_pylist()
    found = {(a, r["subject"]): r for a, r in zip(at, rows, strict=True)}
    assert len(found) == len(rows), "a subject has two rows of one instant"
    return found

"""Ids of an archive's events, kept on the disk while a day of it is mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from zap.bundles.folders import write_file
from zap.collect.archive.ids import content, halves, id_hash
from zap.collect.archive.runs import Run
from zap.collect.event import Event
from zap.events.json_rows import text_of


class NotedIds:
    """Ids in runs on the disk, since a day may have more of them than memory should.

    Args:
        folder: for runs of its own; empty.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._runs: list[Run] = []

    def take(self, folder: Path, but: date) -> None:
        """Look into an archive's own runs too, those of one day left out.

        Args:
            folder: with a folder of runs for each day; they may be merged meanwhile.
            but: the day.
        """
        for place in sorted(folder.iterdir()):
            if place.name != but.isoformat():
                # Backwards: what a merge takes away stands in a run that comes later.
                for path in sorted(place.glob("*.ids"), reverse=True):
                    with suppress(FileNotFoundError):
                        self._runs.append(Run(path))

    def add(self, hashes: Sequence[bytes]) -> None:
        """Note some more."""
        if hashes:
            path = self._folder / f"{len(self._runs)}.ids"
            write_file(path, content(hashes))
            self._runs.append(Run(path))

    def known(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of some that are noted."""
        if not hashes:
            return set()
        upper, lower = halves(hashes)
        order = np.argsort(upper)
        found = np.zeros(len(hashes), bool)
        for run in self._runs:
            found[order] |= run.holds(upper[order], lower[order])
        return {hashes[place] for place in np.flatnonzero(found).tolist()}


def hashes_in(path: Path) -> Iterator[bytes]:
    """The ids of a file, every column of which is read.

    Raises:
        OSError: the file can't be read to its end.
        pyarrow.ArrowException: it is no file of an archive.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
        for batch in parquet.iter_batches():
            columns = (
                batch.column(name).to_pylist() for name in ("source", "event_id")
            )
            for source, event_id in zip(*columns, strict=True):
                if event_id:
                    yield id_hash(source or "", event_id)


def hash_of(event: Event) -> bytes | None:
    """What an event is known by; None where it has no id."""
    event_id = text(event.get("event_id"))
    return id_hash(text(event.get("source")), event_id) if event_id else None


def text(value: object) -> str:
    """A value as the archive's columns of text hold it, or nothing."""
    try:
        return text_of(value) or ""
    except TypeError:
        return ""

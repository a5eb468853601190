"""What a day of the archive has in its files, and which of them can't be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from zap.collect.archive.commits import make_folder
from zap.collect.archive.noted import NotedIds, hashes_in
from zap.collect.archive.partitions import day_in, folders
from zap.collect.spool import SpoolReader
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.events.archive_files import HOME, current, span_of

BROKEN = "broken"
Span = tuple[int, int]


class DayFiles:
    """The files of a day, in the folders of all sources.

    Args:
        root: the archive's folder.
        day: of the events' receipt, UTC.
        reader: of the spool, which must still have what can't be read.
        ids: takes the ids of the events that are there.
        told: is given what is being read.

    Attributes:
        spans: the numbers that whole files span, by folder.
        whole: how many files could be read.
    """

    def __init__(
        self,
        root: Path,
        day: date,
        reader: SpoolReader,
        ids: NotedIds,
        told: Callable[[str], None],
    ):
        self._root, self._home, self._day = root, root / HOME, day
        self._reader, self._ids, self._told = reader, ids, told
        self.spans: dict[Path, list[Span]] = {}
        self.whole = 0

    def look_through(self) -> list[Path]:
        """Read the day's files to their ends; those that can't be read.

        Raises:
            CollectError: one of them holds what the spool no longer has.
        """
        broken: list[Path] = []
        for folder in folders(self._root):
            if day_in(folder) == self._day:
                broken += self._in_folder(folder)
        return broken

    def _in_folder(self, folder: Path) -> list[Path]:
        paths = sorted(str(path) for path in folder.glob("*.parquet"))
        seen: dict[str, bool] = {}  # and whether it could be read
        spans = self.spans.setdefault(folder, [])
        # Of a merged file that is broken, the ones that it was made of may be there.
        while fresh := [
            path
            for path in current([p for p in paths if seen.get(p, True)])
            if path not in seen
        ]:
            for path in fresh:
                self._told(path)
                seen[path] = self._read(Path(path))
                span = span_of(path)
                if seen[path] and span is not None:
                    spans.append(span)
        broken = [Path(path) for path, is_whole in seen.items() if not is_whole]
        for each in broken:
            _check_spooled(each, sorted(spans), self._reader.oldest)
        return broken

    def _read(self, path: Path) -> bool:
        try:
            hashes = [*hashes_in(path)]
        except (OSError, KeyError, pa.ArrowException):
            return False
        self._ids.add(hashes)
        self.whole += 1
        return True

    def set_aside(self, broken: Sequence[Path]) -> list[str]:
        """Take files out of the day; where they are now."""
        places: list[str] = []
        for path in broken:
            source = path.parent.parent.name
            place = self._home / BROKEN / source / path.parent.name / path.name
            make_folder(place.parent)
            path.replace(place)
            sync(path.parent)
            places.append(str(place))
        return places


def _check_spooled(path: Path, spans: Sequence[Span], oldest: int) -> None:
    span = span_of(path.name)
    at = 0 if span is None else span[0]
    for first, next_ in spans:
        at = next_ if first <= at < next_ else at
    if span is None or at < min(span[1], oldest):
        raise CollectError(
            "Expected a file whose events the spool still has: those from "
            f"{oldest} on. Received: {path}, which can't be read. Bring it "
            "back from a copy."
        )

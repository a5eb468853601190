"""A day of the archive made again from the spool, as far as the spool goes back.

What can be read stays: a file that is whole tells the truth about all the numbers that
it spans. A file that can't be read is set aside, and events whose file is missing or
was set aside are taken from the spool once more, by the rule by which they were taken
first: the first with its id. So doing it again, or for a day that is whole, changes
nothing. The delivery waits meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from zap.bundles.folders import write_file
from zap.collect.archive.commits import Commits, make_folder
from zap.collect.archive.forgotten import Forgotten
from zap.collect.archive.locks import CHANGES, REWRITES, held
from zap.collect.archive.noted import NotedIds, hash_of, hashes_in, text
from zap.collect.archive.partitions import (
    day_in,
    day_of,
    folder_of,
    folders,
    parquet_bytes,
)
from zap.collect.archive.recovery import recover_position
from zap.collect.archive.rows import Numbered
from zap.collect.record import EVENT, decode
from zap.collect.spool import Batch, SpoolReader
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.events.archive_files import HOME, current, file_name, span_of

MOST, MOST_BYTES = 50_000, 16 << 20
BROKEN = "broken"
Span = tuple[int, int]


@dataclass
class Mended:
    """What was done to a day.

    Attributes:
        day: as 2026-11-30.
        whole: files that could be read and stay.
        set_aside: files that could not; where they are now.
        added: events that were missing.
        repeated: events of the day whose id the archive has from elsewhere.
    """

    day: str
    whole: int = 0
    set_aside: list[str] = field(default_factory=list)
    added: int = 0
    repeated: int = 0


def mend_day(
    root: str | Path,
    spool: str | Path,
    day: date,
    told: Callable[[str], None] = lambda _: None,
) -> Mended:
    """Make a day of an archive again.

    Args:
        root: the archive's folder.
        spool: the spool's folder.
        day: of the events' receipt, UTC.
        told: is given what is being done.

    Raises:
        CollectError: there is no archive, a file that can't be read holds events which
            the spool no longer has, or the disk refuses.
    """
    root = Path(root)
    home = root / HOME
    if not (home / "ids").is_dir():
        raise CollectError(
            "Expected the folder of an archive that a delivery has written. "
            f"Received: archive={root}. Correct the path, or start the delivery."
        )
    try:
        with held(home / REWRITES), held(home / CHANGES):
            return _Mending(root, Path(spool), day, told).run()
    except OSError as error:
        raise CollectError(
            "Expected an archive that can be read and written. Received: "
            f"archive={root} ({error}). Make room, and run it again."
        ) from error


class _Mending:
    """One day's mending, under the archive's locks."""

    def __init__(self, root: Path, spool: Path, day: date, told: Callable[[str], None]):
        self._root, self._home, self._day, self._told = root, root / HOME, day, told
        self._reader = SpoolReader(spool)
        self._found = Mended(day.isoformat())
        self._spans: dict[Path, list[Span]] = {}
        self._notes = self._home / "mending"
        self._ids = NotedIds(self._notes)

    def run(self) -> Mended:
        shutil.rmtree(self._notes, ignore_errors=True)
        make_folder(self._notes)
        commits = Commits(self._root)
        commits.open()
        end = commits.position
        if end is None:
            end = recover_position(self._root) or 0
        self._ids.take(self._home / "ids", self._day)
        self._set_aside(self._look_through())
        position = self._reader.oldest
        while position < end:
            self._told(f"the spool, {position:,} of {end:,}")
            most = min(MOST, end - position)
            batch = self._reader.read(position, most, MOST_BYTES)
            self._add(batch)
            position = batch.next
        shutil.rmtree(self._notes)
        return self._found

    def _look_through(self) -> list[Path]:
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
        spans = self._spans.setdefault(folder, [])
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
            self._check_spooled(each, sorted(spans))
        return broken

    def _read(self, path: Path) -> bool:
        try:
            hashes = [*hashes_in(path)]
        except (OSError, KeyError, pa.ArrowException):
            return False
        self._ids.add(hashes)
        self._found.whole += 1
        return True

    def _check_spooled(self, path: Path, spans: Sequence[Span]) -> None:
        oldest, span = self._reader.oldest, span_of(path.name)
        at = 0 if span is None else span[0]
        for first, next_ in spans:
            at = next_ if first <= at < next_ else at
        if span is None or at < min(span[1], oldest):
            raise CollectError(
                "Expected a file whose events the spool still has: those from "
                f"{oldest} on. Received: {path}, which can't be read. Bring it "
                "back from a copy."
            )

    def _set_aside(self, broken: Sequence[Path]) -> None:
        """Take files out of the day that can't be read."""
        for path in broken:
            source = path.parent.parent.name
            place = self._home / BROKEN / source / path.parent.name / path.name
            make_folder(place.parent)
            path.replace(place)
            sync(path.parent)
            self._found.set_aside.append(str(place))

    def _add(self, batch: Batch) -> None:
        """Write the events of a batch that are missing."""
        missing = [*self._missing(batch)]
        if not missing:
            return
        parts: dict[tuple[Path, int], list[Numbered]] = {}
        hashes: list[bytes] = []
        for folder, gap, numbered, hashed in self._new(missing):
            parts.setdefault((folder, gap), []).append(numbered)
            if hashed is not None:
                hashes.append(hashed)
        for (folder, _), part in parts.items():
            make_folder(folder)
            path = folder / file_name(part[0][0], part[-1][0] + 1)
            made = self._notes / "made"
            write_file(made, parquet_bytes(part))
            made.replace(path)
            sync(folder)
            self._found.added += len(part)
        self._ids.add(hashes)

    def _missing(self, batch: Batch) -> Iterator[tuple[Path, int, Numbered]]:
        """Events of the day in no file, each with its folder and the gap it is in."""
        forgotten = Forgotten(self._home)
        for number, record in enumerate(batch.records, batch.first):
            event = decode(record) if record.startswith(EVENT) else None
            if not isinstance(event, dict) or day_of(event) != self._day:
                continue
            folder = self._root / folder_of(text(event.get("source")), self._day)
            spans = self._spans.get(folder, ())
            if any(first <= number < next_ for first, next_ in spans):
                continue
            if not forgotten.holds(number, event):
                gap = sum(first <= number for first, _ in spans)
                yield folder, gap, (number, event)

    def _new(
        self, missing: Sequence[tuple[Path, int, Numbered]]
    ) -> Iterator[tuple[Path, int, Numbered, bytes | None]]:
        """Those whose id is not known yet."""
        of_events = [hash_of(event) for _, _, (_, event) in missing]
        hashes = [*dict.fromkeys(each for each in of_events if each is not None)]
        known = self._ids.known(hashes)
        for (folder, gap, numbered), hashed in zip(missing, of_events, strict=True):
            if hashed in known:
                self._found.repeated += 1
                continue
            if hashed is not None:
                known.add(hashed)
            yield folder, gap, numbered, hashed

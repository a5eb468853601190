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

from zap.bundles.folders import write_file
from zap.collect.archive.commits import Commits, make_folder
from zap.collect.archive.day_files import DayFiles
from zap.collect.archive.forgotten import Forgotten
from zap.collect.archive.locks import CHANGES, REWRITES, held
from zap.collect.archive.noted import NotedIds, hash_of, text
from zap.collect.archive.partitions import (
    day_of,
    folder_of,
    parquet_bytes,
)
from zap.collect.archive.recovery import recover_position
from zap.collect.archive.rows import Numbered
from zap.collect.record import EVENT, decode
from zap.collect.spool import Batch, SpoolReader
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.events.archive_files import HOME, file_name

MOST, MOST_BYTES = 50_000, 16 << 20


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
        self._notes = self._home / "mending"
        self._ids = NotedIds(self._notes)
        self._files = DayFiles(root, day, self._reader, self._ids, told)

    def run(self) -> Mended:
        shutil.rmtree(self._notes, ignore_errors=True)
        make_folder(self._notes)
        commits = Commits(self._root)
        commits.open()
        end = commits.position
        if end is None:
            end = recover_position(self._root) or 0
        self._ids.take(self._home / "ids", self._day)
        self._found.set_aside = self._files.set_aside(self._files.look_through())
        self._found.whole = self._files.whole
        position = self._reader.oldest
        while position < end:
            self._told(f"the spool, {position:,} of {end:,}")
            most = min(MOST, end - position)
            batch = self._reader.read(position, most, MOST_BYTES)
            self._add(batch)
            position = batch.next
        shutil.rmtree(self._notes)
        return self._found

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
            spans = self._files.spans.get(folder, ())
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

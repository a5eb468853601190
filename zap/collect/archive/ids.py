"""Which events the archive has: their ids as hashes, by the day they came in.

An id is 128 bits of a hash of source and id: nobody can make two events share one, and
a million of them are 16 MB on disk. A day is a folder of runs (``zap.collect.archive
.runs``), one more with each commit, merged now and then; forgetting a day is removing
its folder.

The latest day is the third newest that has ids: one that a wrong clock made up must not
make the archive forget the others. Nor must a clock that is set back: a day is over
when its numbers are too, and those rise whatever the clock says.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from pathlib import Path

import numpy as np

from zap.collect.archive.merging import FEWEST, to_merge
from zap.collect.archive.runs import Halves, Run, run_bytes, write_merged
from zap.datasets.publishing import sync
from zap.encoding.columns import BoolArray
from zap.events.archive_files import file_name, merged, span_of

SUFFIX = "ids"
MOST_BYTES = 1 << 62
_MADE = ".made-"
_SPARE_DAYS = 2
_NO_NUMBER = 1 << 63  # is above all
Span = tuple[int, int]


def id_hash(source: str, event_id: str) -> bytes:
    """16 bytes that stand for an event of a source."""
    named = _prefix(source) + event_id.encode()
    return blake2b(named, digest_size=16).digest()


@lru_cache(1_024)
def _prefix(source: str) -> bytes:
    name = source.encode()
    return len(name).to_bytes(4, "little") + name


def halves(hashes: Sequence[bytes]) -> tuple[Halves, Halves]:
    """The upper and the lower halves of hashes."""
    both = np.frombuffer(b"".join(hashes), "<u8").reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def content(hashes: Sequence[bytes]) -> bytes:
    """The file of a run of hashes."""
    return run_bytes(*halves(hashes))


def days_over(spans: Mapping[date, Sequence[Span]], days: int) -> list[date]:
    """The days whose ids need not be known any more.

    Args:
        spans: the numbers that each day's files span: the first, and the one after the
            last.
        days: how long an id is known.
    """
    there = sorted(spans)
    if len(there) <= _SPARE_DAYS:
        return []
    latest = there[-1 - _SPARE_DAYS]
    first = latest - timedelta(days=days)
    kept = chain.from_iterable(spans[day] for day in there if first <= day <= latest)
    since = min((begin for begin, _ in kept), default=_NO_NUMBER)
    return [
        day
        for day in there
        if day < first and all(end <= since for _, end in spans[day])
    ]


class KnownIds:
    """The ids of an archive. One thread asks and adds, another merges and expires.

    Args:
        folder: where its days are.
        days: how long an id is known.
    """

    def __init__(self, folder: Path, days: int):
        self.folder, self.days = folder, days
        self._lock = threading.Lock()
        self._runs: dict[date, list[Run]] = {}

    def load(self) -> None:
        """Read what is there; no other thread may merge meanwhile.

        Raises:
            CollectError: a run is damaged.
            OSError: the folder can't be read.
        """
        found = {}
        for place in sorted(self.folder.iterdir()):
            day = _day_of(place)
            if day is None:
                continue  # somebody else's
            for left in place.glob(f"{_MADE}*"):
                left.unlink()
            paths = sorted(str(path) for path in place.glob(f"*.{SUFFIX}"))
            gone = merged(paths)
            for path in gone:
                Path(path).unlink()
            kept = [Run(Path(path)) for path in paths if path not in gone]
            found[day] = kept
        with self._lock:
            self._runs = found

    def __len__(self) -> int:
        return sum(len(run) for runs in self._runs.values() for run in runs)

    def path_of(self, day: date, first: int, next_: int) -> Path:
        """Where the run of a commit goes."""
        return self.folder / day.isoformat() / file_name(first, next_, SUFFIX)

    def known(self, hashes: Sequence[bytes]) -> BoolArray:
        """Which of some hashes are there."""
        found = np.zeros(len(hashes), bool)
        if not len(hashes):
            return found
        upper, lower = halves(hashes)
        order = np.argsort(upper)
        upper, lower = upper[order], lower[order]
        with self._lock:
            runs = [run for day in self._runs.values() for run in day]
        for run in runs:
            found[order] |= run.holds(upper, lower)
        return found

    def add(self, paths: Iterable[Path]) -> None:
        """Take runs that a commit has put in their places."""
        for path in paths:
            run = Run(path)
            with self._lock:
                day = date.fromisoformat(path.parent.name)
                self._runs.setdefault(day, []).append(run)

    def expire(self) -> list[date]:
        """Forget the days that are over; which ones they were."""
        with self._lock:
            spans = {day: [*map(_span, runs)] for day, runs in self._runs.items()}
            over = days_over(spans, self.days)
            for day in over:
                del self._runs[day]
        for day in over:
            shutil.rmtree(self.folder / day.isoformat())
        return over

    def merge(self) -> int:
        """Merge runs of days that have many; how many there were.

        Raises:
            OSError: the disk refuses; what was there still is.
        """
        with self._lock:
            days = {day: [*runs] for day, runs in self._runs.items()}
        count = 0
        for day, runs in days.items():
            fewest = FEWEST if day == max(days) else 2
            sizes = [16 * len(run) for run in runs]
            old = to_merge(runs, sizes, MOST_BYTES, fewest)
            if old:
                self._merge(day, old)
                count += len(old)
        return count

    def _merge(self, day: date, old: Sequence[Run]) -> None:
        path = self.path_of(day, _span(old[0])[0], _span(old[-1])[1])
        made = path.with_name(f"{_MADE}{path.name}")
        with made.open("wb") as file:
            write_merged(old, file)
        sync(made)
        made.replace(path)
        sync(path.parent)
        run = Run(path)
        with self._lock:
            at = self._runs[day].index(old[0])
            self._runs[day][at : at + len(old)] = [run]
        for each in old:
            each.path.unlink()


def _day_of(place: Path) -> date | None:
    try:
        return date.fromisoformat(place.name)
    except ValueError:
        return None


def _span(run: Run) -> Span:
    span = span_of(run.path.name)
    assert span is not None, run.path
    return span

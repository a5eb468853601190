"""An archive that grows, as an unbounded source: each event once, in the order of
its number, and a watermark behind the receipts.

A splittable DoFn whose restriction is the numbers still to be read. What it has claimed
is out; a runner's checkpoint holds the number to go on from. It reads for some seconds,
gives its bundle up, and is called again, at once or after a while.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import (
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    Duration,
    Timestamp,
)

from zap.events.archive_tail import ArchiveTail, Chunk
from zap.scoring.following.checking import reading_of
from zap.scoring.following.job import FollowJob, Times
from zap.scoring.following.output import DEAD, replace_bytes
from zap.scoring.following.reading import ArchiveEvents, Read

LAST = 1 << 62
CHUNK_ROWS = 50_000
BUNDLE_S = 5.0


class OneReader(OffsetRestrictionTracker):
    """Gives up what is left, and never half of it.

    The rest has no end, so the half that a runner would split off from a reader that is
    slow holds numbers which nobody will ever give, and holds the watermark for ever.
    """

    def is_bounded(self) -> bool:
        """No."""
        return False

    def try_split(self, fraction_of_remainder: float) -> Any:
        """Only all of the remainder, which is a checkpoint."""
        return None if fraction_of_remainder else super().try_split(0)


class Numbers(RestrictionProvider):
    """The numbers of an archive's events, from 0 on and without end."""

    def initial_restriction(self, element: int) -> OffsetRange:
        """All numbers from the first one wanted on."""
        return OffsetRange(element, LAST)

    def create_tracker(self, restriction: OffsetRange) -> OneReader:
        """A tracker; a chunk is claimed by its last number."""
        return OneReader(restriction)

    def restriction_size(self, element: int, restriction: OffsetRange) -> int:
        """Not known: the archive grows."""
        return 1

    def truncate(self, element: int, restriction: OffsetRange) -> None:
        """A drained job reads no further."""
        return None


NUMBERS = beam.DoFn.RestrictionParam(Numbers())
WATERMARK = beam.DoFn.WatermarkEstimatorParam(
    ManualWatermarkEstimator.default_provider()
)


@beam.typehints.with_output_types(tuple[int, tuple[int, bytes]])
class FollowArchive(beam.DoFn):
    """Reads an archive for ever, or until the watermark has passed the job's end.

    Gives for each shard ``(shard, (watermark, events))``: the packed events of a chunk,
    and the watermark once the chunk is read.

    Args:
        job: what is read, and for whom.
    """

    def __init__(self, job: FollowJob):
        self._job = job
        self._read: ArchiveEvents | None = None
        self._tail: ArchiveTail | None = None

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: int,
        tracker: Any = NUMBERS,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        """Read what is there; see the class."""
        end = time.monotonic() + BUNDLE_S
        tail, reading = self._opened()
        start = tracker.current_restriction().start
        mark = _micros(watermark.current_watermark())
        for chunk in tail.chunks(start, CHUNK_ROWS):
            if not tracker.try_claim(chunk.next - 1):
                return
            start = chunk.next
            read = reading.read(chunk)
            self._note(chunk, read)
            at = Timestamp(micros=mark)
            mark = max(mark, self._mark(read.newest_us, False, 0.0))
            for shard, events in read.shards:
                yield beam.window.TimestampedValue((shard, (mark, events)), at)
            watermark.set_watermark(Timestamp(micros=mark))
            if time.monotonic() > end or self._done(mark):
                break
        committed, changed = tail.committed()
        mark = max(mark, self._mark(None, start >= committed, changed))
        if self._done(mark):
            watermark.set_watermark(MAX_TIMESTAMP)
            tracker.try_claim(LAST - 1)
            return
        watermark.set_watermark(Timestamp(micros=mark))
        pause = self._job.poll_s if start >= committed else 0
        tracker.defer_remainder(Duration(pause))

    def _opened(self) -> tuple[ArchiveTail, ArchiveEvents]:
        if self._read is None or self._tail is None:
            job = self._job
            self._read = reading_of(job, job.load())
            self._tail = ArchiveTail(job.archive, self._read.raw_columns)
        return self._tail, self._read

    def _mark(self, newest_us: int | None, caught_up: bool, changed: float) -> int:
        times = Times(time.time_ns() // 1000, round(changed * 1e6))
        found = self._job.watermark_us(newest_us, caught_up, times)
        return max(found, _micros(MIN_TIMESTAMP))

    def _done(self, mark_us: int) -> bool:
        """Whether no score that is wanted can change any more."""
        following = self._job.following
        corrected_us = 0 if following.receipts else following.lateness_us
        return mark_us > following.until_us + corrected_us

    def _note(self, chunk: Chunk, read: Read) -> None:
        """Rows that could not be read lie in a file beside the scores."""
        if not read.dead:
            return
        lines = [json.dumps(asdict(letter)) for letter in read.dead]
        name = f"{chunk.first:012d}-{chunk.next:012d}.jsonl"
        path = f"{self._job.output}/{DEAD}/{name}"
        replace_bytes(path, "\n".join([*lines, ""]).encode())


def _micros(timestamp: Any) -> int:
    given = MIN_TIMESTAMP if timestamp is None else timestamp
    return int(given.micros)

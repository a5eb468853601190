"""``python -m bench.following``: events a second a core, beside a batch.

The follower's whole work but for Beam's own: reading, shards, pasts, scores and rows,
and the notes that a runner would keep. The reference is ``zap score`` over the same
archive at its end: it reads the same events and scores each subject once, with Beam.
Seconds are of a processor.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.following.inputs import DAY_US, MAPPING, START_US, made_archive
from bench.scoring.inputs import made_bundle
from zap.beam.follow_source import CHUNK_ROWS
from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.events.archive_tail import ArchiveTail
from zap.jobs.batch_score import score
from zap.jobs.score_options import ScoreOptions
from zap.scoring.following.checking import reading_of
from zap.scoring.following.job import FollowJob, Times
from zap.scoring.following.notes import Note, picture
from zap.scoring.following.options import Following
from zap.scoring.following.scores import followed_rows, scorer_of
from zap.scoring.following.shard import Row, Shard

APPLICATION = "data_path"
SHARDS = 8


class Stages:
    """Seconds of a processor by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.process_time()

    def done(self, stage: str) -> None:
        """What was done since the last call was of this stage."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


def followed(job: FollowJob) -> tuple[dict[str, float], int]:
    """Follow an archive to its end; seconds by stage, and the number of scores."""
    model = job.load()
    reading = reading_of(job, model)
    tail = ArchiveTail(job.archive, reading.raw_columns)
    shards = [Shard(model.need, job.following, scorer_of(model)) for _ in range(SHARDS)]
    stages, scores, mark = Stages(), 0, -1
    for chunk in tail.chunks(0, CHUNK_ROWS):
        stages.done("read files")
        read = reading.read(chunk)
        mark = max(mark, job.watermark_us(read.newest_us, False, Times(0, 0)))
        stages.done("events of shards")
        rows: list[Row] = []
        for shard, packed in read.shards:
            note = Note.of_bytes(Note(1, None, packed).to_bytes())
            rows += note.happen(shards[shard])
        stages.done("pasts")
        for each in shards:
            rows += each.fire(mark - 1)
        stages.done("scores")
        if rows:
            scores += followed_rows(model, rows, 1).num_rows
        stages.done("rows")
    for each in shards:
        picture(each, 1)
    stages.done("pictures")
    return stages.seconds, scores


def batch(job: FollowJob, bundle: Bundle, output: str) -> tuple[float, int]:
    """Score all subjects at the end; seconds and scores."""
    before = time.process_time()
    options = ScoreOptions(beam_args=("--direct_num_workers=1",))
    found = score(
        job.application,
        bundle,
        [job.archive],
        [START_US + DAY_US],
        output,
        job.mapping,
        options,
    )
    (day,) = found["days"]
    return time.process_time() - before, int(day["published"]["rows"])


def run(folder: Path, events: int, every_minutes: float, kind: str) -> dict[str, Any]:
    """Both, on one archive."""
    archive = folder / "archive"
    made_archive(archive, events)
    bundle = made_bundle(folder / "bundle", kind, MAPPING)
    registry = Registry(folder / "models", APPLICATION)
    version = registry.add(bundle)
    following = Following(round(every_minutes * 60e6))
    job = FollowJob(
        str(archive),
        MAPPING,
        str(folder / "models"),
        APPLICATION,
        version,
        str(folder / "scores"),
        following,
        SHARDS,
    )
    seconds, scores = followed(job)
    whole = sum(seconds.values())
    batch_seconds, rows = batch(job, bundle, str(folder / "batch"))
    return {
        "events": events,
        "model": kind,
        "every_minutes": every_minutes,
        "follow": {
            "scores": scores,
            "events_per_second": round(events / whole),
            "scores_per_second": round(scores / whole),
            "seconds": {name: round(each, 2) for name, each in seconds.items()},
        },
        "batch": {
            "scores": rows,
            "events_per_second": round(events / batch_seconds),
            "seconds": round(batch_seconds, 2),
        },
        "follow_over_batch_seconds": round(whole / batch_seconds, 2),
        "per_score": round((whole / scores) / (batch_seconds / rows), 2),
    }


def main() -> None:
    """Measure, and print JSON."""
    import json

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--every", type=float, default=60, metavar="MINUTES")
    parser.add_argument("--model", choices=("gru", "trees"), default="trees")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), args.events, args.every, args.model)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

"""Whether an archive can be followed for a model, told before any worker begins."""

from __future__ import annotations

from zap.events.archive_tail import ArchiveTail
from zap.scoring.following.job import FollowJob
from zap.scoring.following.reading import ArchiveEvents
from zap.scoring.following.scores import scorer_of
from zap.scoring.following.shard import Shard
from zap.scoring.question import question_of
from zap.serving.served import Served


def reading_of(job: FollowJob, model: Served) -> ArchiveEvents:
    """How the archive is read for a model.

    Raises:
        MappingError: the mapping is of something else, or lacks a field.
    """
    exclude = question_of(model.bundle).exclude
    return ArchiveEvents(job.mapping, model.need, job.shards, exclude)


def check_job(job: FollowJob) -> None:
    """Refuse what workers would refuse, before any of them begins.

    Raises:
        InputError: there is no archive, or the subjects are persons.
        MappingError: the mapping is of something else, or lacks a field.
    """
    model = job.load()
    reading = reading_of(job, model)
    Shard(model.need, job.following, scorer_of(model))
    ArchiveTail(job.archive, reading.raw_columns).committed()

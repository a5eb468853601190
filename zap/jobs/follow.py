"""Scores that follow a collector's archive, run after run, into one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zap.bundles.files import local_path
from zap.bundles.registry import Registry
from zap.events.mapping import EventMapping
from zap.scoring.following.checking import check_job
from zap.scoring.following.job import FollowJob
from zap.scoring.following.options import Following
from zap.scoring.following.output import begin_run, claimed, progress


@dataclass(frozen=True)
class Pace:
    """How a job reads; see ``FollowJob``."""

    behind_us: int = 10_000_000
    poll_s: float = 1.0
    idle_s: float = 300.0


def follow(
    application: str,
    registry: str,
    archive: str,
    mapping: EventMapping,
    output: str,
    following: Following,
    *,
    shards: int = 8,
    pace: Pace | None = None,
    beam_args: Sequence[str] = (),
    watch: Callable[[dict[str, Any]], Any] = lambda progress: None,
) -> dict[str, Any]:
    """Follow an archive until the end that was asked for, or until it is stopped.

    Args:
        application: whose live model scores.
        registry: where it is.
        archive: the folder of the archive.
        mapping: what its rows mean.
        output: a folder of the scores, of this application alone.
        following: when subjects are scored.
        shards: of the subjects.
        pace: how the archive is read.
        beam_args: Beam's options; they name a runner that streams.
        watch: told now and then how far it is.

    Returns:
        What ``progress`` tells, and the version.

    Raises:
        InputError: the runner does not stream, the folder is of something else or
            another process follows into it, or the archive can't be read.
        RunnerError: the runner says that the job failed.
        MappingError: the mapping does not fit.
        RegistryError: there is no such live model.
    """
    version = Registry(registry, application).resolve("live")
    pace = pace or Pace()
    job = FollowJob(
        _whole(archive),
        mapping,
        _whole(registry),
        application,
        version,
        _whole(output),
        following,
        shards,
        behind_us=pace.behind_us,
        poll_s=pace.poll_s,
        idle_s=pace.idle_s,
    )
    check_job(job)
    from zap.beam.follow import run_following  # takes seconds: a slip is told before

    with claimed(job.output):
        job = replace(job, run=begin_run(job))
        run_following(job, beam_args, lambda: watch(progress(job.output)))
    return {"version": version, "run": job.run, **progress(job.output)}


def _whole(where: str) -> str:
    """A place as workers find it, which may have been started in another folder."""
    local = local_path(where)
    return where.rstrip("/") if local is None else str(local.resolve())

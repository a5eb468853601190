"""The following pipeline: an archive that grows, scores that appear."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.runners.runner import PipelineState

from zap.beam.follow_score import ScoreShards
from zap.beam.follow_source import FollowArchive
from zap.beam.follow_write import WriteSteps
from zap.beam.runner import LOCAL, is_local, make_pipeline
from zap.errors import InputError
from zap.scoring.following.job import FollowJob

WATCH_S = 1.0


def run_following(
    job: FollowJob,
    args: Sequence[str] = (),
    told: Callable[[], Any] = lambda: None,
) -> None:
    """Follow until the job's end, or until it is stopped.

    Args:
        job: what is followed.
        args: Beam's options; they name a runner that streams.
        told: called now and then.

    Raises:
        InputError: the runner does not stream.
    """
    pipeline = make_pipeline(args)
    if is_local(pipeline):
        raise InputError(
            "Expected a runner that streams. Received: "
            f"runner={LOCAL}, whose timers go off without waiting for the watermark. "
            "Name one: --runner=PrismRunner --prism_location=PATH, FlinkRunner or "
            "DataflowRunner."
        )
    pipeline.options.view_as(StandardOptions).streaming = True
    follow(pipeline, job)
    running = pipeline.run()
    try:
        while not PipelineState.is_terminal(running.state):
            told()
            time.sleep(WATCH_S)
        running.wait_until_finish()  # says what went wrong
    except KeyboardInterrupt:
        running.cancel()
        raise


def follow(pipeline: beam.Pipeline, job: FollowJob) -> None:
    """Wire the steps."""
    _ = (
        pipeline
        | "Archive" >> beam.Create([0])
        | "Follow archive" >> beam.ParDo(FollowArchive(job))
        | "Score shards" >> beam.ParDo(ScoreShards(job))
        | "Write scores" >> beam.ParDo(WriteSteps(job.output))
    )

"""The following pipeline: an archive that grows, scores that appear."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import StandardOptions

from zap.beam.follow_score import ScoreShards
from zap.beam.follow_source import FollowArchive
from zap.beam.follow_write import WriteSteps
from zap.beam.runner import LOCAL, is_local, make_pipeline
from zap.beam.running import run_to_end
from zap.errors import InputError, ZapError
from zap.scoring.following.job import FollowJob

WATCH_S = 5.0  # each look lists a folder, which a bucket wants paid


def run_following(
    job: FollowJob,
    args: Sequence[str] = (),
    told: Callable[[], Any] = lambda: None,
) -> None:
    """Follow until the job's end, or until it is stopped.

    Args:
        job: what is followed.
        args: Beam's options; they name a runner that streams, else it is Prism.
        told: called now and then.

    Raises:
        InputError: the runner does not stream.
        RunnerError: it cannot be reached, or says that the job failed.
    """
    pipeline = make_pipeline(args if _named(args) else (*args, *_default()))
    if is_local(pipeline):
        raise _not_streaming(f"runner={LOCAL}, whose timers do not wait for it")
    pipeline.options.view_as(StandardOptions).streaming = True
    follow(pipeline, job)
    with _watched(told):
        run_to_end(pipeline)


def _named(args: Sequence[str]) -> bool:
    return any(arg.partition("=")[0] == "--runner" for arg in args)


def _default() -> tuple[str, ...]:
    """Prism, if it is here: Beam would fetch one, and not say so."""
    if shutil.which("prism") is None:
        raise _not_streaming("no --runner, and no prism on PATH")
    return ("--runner=PrismRunner",)


def _not_streaming(received: str) -> InputError:
    return InputError(
        f"Expected a runner that streams by the watermark. Received: {received}. Name "
        "one: --runner=PrismRunner --prism_location=PATH, FlinkRunner or "
        "DataflowRunner."
    )


def follow(pipeline: beam.Pipeline, job: FollowJob) -> None:
    """Wire the steps."""
    _ = (
        pipeline
        | "Archive" >> beam.Create([0])
        | "Follow archive" >> beam.ParDo(FollowArchive(job))
        | "Score shards" >> beam.ParDo(ScoreShards(job))
        | "Write scores" >> beam.ParDo(WriteSteps(job.output))
    )


@contextmanager
def _watched(told: Callable[[], Any]) -> Iterator[None]:
    """Call something now and then, beside what is inside."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            with contextlib.suppress(OSError, ZapError):
                told()  # a look that fails is made up for by the next

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

"""The job from raw events to published predictions of a day, or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zap.beam.dataflow import Job, args_for
from zap.beam.generate import check_fields
from zap.beam.outputs import raise_first
from zap.beam.score import Model
from zap.beam.score_pipeline import ScoreJob, run_scoring
from zap.beam.sources import Inputs, named_in
from zap.beam.verdict import check_bad_rows, identical_files
from zap.beam.workers import Workers, wanted_workers
from zap.bundles.bundle import Bundle
from zap.errors import InputError, ZapError
from zap.events.mapping import EventMapping
from zap.events.sources import StoredFile, list_files
from zap.events.splitting import narrowed
from zap.histories.needed import properties_to_read, unread_fields
from zap.jobs.score_options import ScoreOptions, check_times, own_mapping
from zap.scoring.output import Output
from zap.scoring.outputs import open_output
from zap.scoring.question import question_of
from zap.scoring.rows import day_of
from zap.scoring.run_folder import RunFolder
from zap.scoring.summary import summary_of
from zap.serving.served import Served
from zap.times import DAY_US, iso

PREDICTING = ("ai-edge-litert", "pymongo")
"""Packages that workers elsewhere need besides those that make examples."""


def score(
    application: str,
    bundle: Bundle,
    inputs: Sequence[str],
    times_us: Sequence[int],
    output: str | Output,
    mapping: EventMapping | None = None,
    options: ScoreOptions | None = None,
    watch: Callable[[str, str], Any] = lambda stage, folder: None,
) -> dict[str, Any]:
    """Score all subjects at each time of reference, and publish a day's rows each time.

    Args:
        application: the name in the rows.
        bundle: the version that predicts.
        inputs: files, globs or directories of raw events.
        times_us: the times of reference, each on a day of its own, UTC.
        output: a folder, a URL, or any output.
        mapping: how rows become events; None for what the bundle was trained with.
        options: how.
        watch: told of each stage, with the folder of what is on its way.

    Returns:
        ``application``, ``version``, ``kind``, ``rules_told`` (whether the bundle says
        which events counted) and ``days``, one a time: ``at``, ``published``,
        ``summary``, ``counts``, ``newest_event`` and ``dead_letters``.

    Raises:
        ZapError: the input, the mapping or the bundle does not fit, or the output can't
            be written; then nothing of that day is published, unless it is only the
            rows that could not be read for which there was no room.
    """
    options = options or ScoreOptions()
    check_times(times_us)
    mapping = mapping or own_mapping(bundle)
    question = question_of(bundle, options.eligible)
    check_fields(question, mapping)
    model = _model_of(application, bundle)
    served = model.load()
    target = open_output(output) if isinstance(output, str) else output
    elsewhere = Job(
        application,
        (*map(str, inputs), model.path),
        target.folder,
        (),
        mapping.dimension_paths(),
        PREDICTING,
    )
    with args_for(options.beam_args, elsewhere) as args:
        files = narrowed(
            list_files(inputs, mapping),
            mapping,
            properties_to_read(question),
            unread_fields(question),
        )
        found = Inputs.of(files)
        first = ScoreJob(question, model, found, mapping, 0, options.shards, args)
        jobs = [replace(first, at_us=at_us) for at_us in times_us]
        days = _score_days(jobs, served, target, options, watch)
    return {
        "application": application,
        "version": bundle.version,
        "kind": served.kind,
        "rules_told": question.told,
        "days": days,
    }


def _model_of(application: str, bundle: Bundle) -> Model:
    """The version as workers find it, which may have been started elsewhere."""
    path = str(bundle.path)
    where = path if "://" in path else str(Path(path).resolve())
    return Model(application, bundle.version, where)


def _score_days(
    jobs: Sequence[ScoreJob],
    served: Served,
    target: Output,
    options: ScoreOptions,
    watch: Callable[[str, str], Any],
) -> list[dict[str, Any]]:
    """Score at each time of reference, one after the other."""
    days = []
    wanted = _wanted(jobs[0].inputs.files, options)
    with options.workers or Workers(wanted) as workers:
        target.begin(jobs[0].model.application, [day_of(job.at_us) for job in jobs])
        try:
            for job in jobs:
                watch(f"Scoring {iso(job.at_us)}", target.folder)
                days.append(_score_day(job, served, target, workers, options))
        finally:
            target.end()
    return days


def _wanted(files: Sequence[StoredFile], options: ScoreOptions) -> int:
    return wanted_workers(options.beam_args, sum(file.size_bytes for file in files))


def _score_day(
    job: ScoreJob,
    served: Served,
    output: Output,
    workers: Workers,
    options: ScoreOptions,
) -> dict[str, Any]:
    """Score one day and publish it, unless that may not be."""
    day = day_of(job.at_us)
    found = run_scoring(job, output, workers)
    counts: dict[str, int] = found["counts"]
    try:
        raise_first((name, text) for name, text in found["errors"])
        check_bad_rows(counts, options.max_bad_share, RunFolder(output.folder))
        if not found["parts"]:
            raise InputError(_nobody(job.at_us, counts))
    except ZapError:
        output.keep_letters(day)  # they may tell why
        raise
    counts["files.identical"] = identical_files(
        job.inputs.sources or named_in(found["sources"])
    )
    published = output.publish(day, [each["part"] for each in found["parts"]])
    # Not before: what stays where a day can't be published is the former day, whole.
    letters = output.keep_letters(day)
    names = served.segments.names[::-1] if served.segments else ()
    newest = found["newest"]
    return {
        "at": iso(job.at_us),
        "published": dict(published),
        "summary": summary_of((each["facts"] for each in found["parts"]), names),
        "counts": {name: n for name, n in sorted(counts.items()) if n},
        "newest_event": None if newest is None else iso(newest * DAY_US)[:10],
        "dead_letters": letters,
    }


def _nobody(at_us: int, counts: Mapping[str, int]) -> str:
    """The message where there is nobody to be scored."""
    shown = ", ".join(
        f"{name}={number:,}"
        for name, number in sorted(counts.items())
        if number and (name == "rows.read" or "dropped" in name or "not_yet" in name)
    )
    return (
        f"Expected subjects that did something until {iso(at_us)}. Received: none "
        f"({shown}). Check the time of reference and the column of the subject."
    )

"""The pipeline from files of events to a day's predictions: thin wiring."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import fsspec

from zap.beam.identity import key_by_subject
from zap.beam.outputs import CLOCK, COUNTS, DAYS, ERRORS, SumCounts
from zap.beam.pipeline import SHUFFLE, coarse, flat, shard_count, total
from zap.beam.portable import slots
from zap.beam.read import ReadEvents
from zap.beam.runner import make_pipeline, shares_disk
from zap.beam.running import run_to_end
from zap.beam.score import Model, ScoreShard, WritePart
from zap.beam.sources import Inputs, read_inputs
from zap.beam.workers import Workers
from zap.datasets.writing import writing, written
from zap.events.mapping import EventMapping
from zap.scoring.output import Output
from zap.scoring.question import BundleQuestion
from zap.scoring.rows import day_of
from zap.scoring.run_folder import RunFolder
from zap.scoring.staging import LETTERS, is_local

RESULT = "result.json"


@dataclass(frozen=True)
class ScoreJob:
    """What is scored, when, and how.

    Attributes:
        question: whom it is about and which events count.
        model: the version that predicts.
        inputs: the files of raw events.
        mapping: how their rows become events.
        at_us: the time of reference.
        shards: number of shards; None chooses by the size of the input.
        beam_args: Beam's own command-line options.
    """

    question: BundleQuestion
    model: Model
    inputs: Inputs
    mapping: EventMapping
    at_us: int
    shards: int | None = None
    beam_args: tuple[str, ...] = ()


def run_scoring(job: ScoreJob, output: Output, workers: Workers) -> dict[str, Any]:
    """Score all subjects and write the parts of the day; nothing is published.

    Args:
        job: what to do.
        output: gets the parts.
        workers: the processes of a local run.

    Returns:
        ``counts``, ``errors``, ``parts`` in the order of their subjects' hashes, each
        as ``WritePart`` tells it, ``sources`` that workers have named, and ``newest``,
        the day of the last event read.
    """
    folder = output.folder
    pipeline = make_pipeline(job.beam_args, workers)
    at_once = max(workers.number, slots(pipeline.options))
    shards = job.shards or shard_count(job.inputs.files, at_once)
    spill = made_folders(folder) if shares_disk(pipeline) else None
    files, unnamed, named = read_inputs(pipeline, job.inputs, RunFolder(folder))
    read = files | "Read events" >> beam.ParDo(
        ReadEvents(job.mapping, job.question, f"{folder}/{LETTERS}", job.at_us)
    ).with_outputs(COUNTS, DAYS, CLOCK, ERRORS, main="events")
    settings = job.question.settings()
    keyed, key_counts, key_errors = key_by_subject(
        read.events, job.question.subject, shards, settings.max_subject_events, spill
    )
    scoring = ScoreShard(job.question, job.mapping, job.model, job.at_us, shards, spill)
    scored = (
        keyed
        | "Group" >> beam.GroupByKey()
        | "Score subjects"
        >> beam.ParDo(
            scoring, coarse(read.clock) if settings.bots else ()
        ).with_outputs(COUNTS, ERRORS, main="rows")
    )
    parts = _written(scored.rows, WritePart(output, str(day_of(job.at_us)), shards))
    problems = [*unnamed, key_errors, read[ERRORS], scored[ERRORS], parts[ERRORS]]
    counts = [*key_counts, read[COUNTS], scored[COUNTS]]
    _ = (
        pipeline
        | "Once" >> beam.Create([f"{folder}/{RESULT}"])
        | "Write result"
        >> beam.Map(
            _write_result,
            counts=total(pipeline, counts),
            days=beam.pvalue.AsSingleton(
                read[DAYS] | "Events by day" >> beam.CombineGlobally(SumCounts())
            ),
            errors=beam.pvalue.AsList(flat(pipeline, problems, "errors")),
            parts=beam.pvalue.AsList(parts.parts),
            sources=named,
        )
    )
    run_to_end(pipeline)
    if spill is not None:
        shutil.rmtree(spill, ignore_errors=True)
    found: dict[str, Any] = RunFolder(folder).read_json(RESULT)
    return found


def _written(rows: Any, step: WritePart) -> Any:
    """Parts of the day, each a range of the subjects' hashes."""
    return (
        rows
        | "Group by hash" >> beam.GroupByKey()
        | "Write predictions" >> beam.ParDo(step).with_outputs(ERRORS, main="parts")
    )


def made_folders(folder: str) -> str | None:
    """On a local disk, the folders that steps write into; that of what waits."""
    files, path = fsspec.core.url_to_fs(folder)
    if not is_local(files):
        return None
    with writing(path):
        for name in (LETTERS, SHUFFLE):
            os.makedirs(f"{path}/{name}", exist_ok=True)
    return f"{path}/{SHUFFLE}"


def _write_result(
    path: str,
    counts: Mapping[str, int],
    days: Mapping[int, int],
    errors: Sequence[tuple[str, str]],
    parts: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
) -> None:
    result = {
        "counts": counts,
        "errors": sorted(errors),
        "parts": sorted(parts, key=lambda part: int(part["number"])),
        "sources": list(sources),
        "newest": max(days, default=None),
    }
    with written(path) as file:
        file.write(json.dumps(result).encode())

"""The pipeline: thin wiring of the steps from files of events to files of examples."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import apache_beam as beam
import fsspec

from zap.beam.examples import (
    FitEncoder,
    MergeSketches,
    SketchTrain,
    SliceShard,
)
from zap.beam.identity import key_by_subject
from zap.beam.options import GenerateOptions
from zap.beam.outputs import CLOCK, COUNTS, DAYS, ERRORS, SumCounts
from zap.beam.portable import slots
from zap.beam.read import ReadEvents
from zap.beam.runner import make_pipeline, shares_disk
from zap.beam.running import run_to_end
from zap.beam.sources import Inputs, read_inputs
from zap.beam.workers import Workers
from zap.beam.write import PARTS, PackShard, WriteExamples
from zap.datasets.splits import SPLITS
from zap.datasets.store import DEAD_LETTERS, Workspace
from zap.datasets.writing import whole, writing
from zap.encoding.encoder import Encoder
from zap.encoding.fit import is_fitted
from zap.errors import DatasetError
from zap.events.mapping import EventMapping
from zap.events.sources import Source, StoredFile, compressed_bytes
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange, estimate
from zap.histories.clock import coarse_sources
from zap.histories.named import Named

RESULT = "result.json"
SHUFFLE = "shuffle"  # a folder of the workspace, gone when the pipeline has run
SHARD_BYTES = 6 * 2**20
MOST_SHARDS = 2_048
"""Beyond it pieces get too small; shards that are too large are cut by workers."""


def run_pipeline(
    generator: Generator,
    inputs: Inputs,
    mapping: EventMapping,
    observed: ObservedRange | None,
    workspace: Workspace,
    options: GenerateOptions,
    workers: Workers,
    finish: Callable[[Any], None] | None = None,
) -> None:
    """Run all steps; leaves files and ``RESULT`` in the workspace.

    Args:
        generator: the question.
        inputs: the files of raw events.
        mapping: how their rows become events.
        observed: the observed range; None to estimate it.
        workspace: where files are written.
        options: splits, layout, shards, runner.
        workers: the processes of a local run.
        finish: called by a last step, where nobody waits for the pipeline's end.
    """
    dead = f"{workspace.path}/{DEAD_LETTERS}"
    pipeline = make_pipeline(options.beam_args, workers)
    at_once = max(workers.number, slots(pipeline.options))
    shards = options.shards or shard_count(inputs.files, at_once)
    shared = shares_disk(pipeline) and workspace.local
    spill = _made_spill(workspace) if shared else None
    parts, unnamed, found = read_inputs(pipeline, inputs, workspace)
    read = _read(parts, mapping, generator, dead, options.batch_rows)
    most = generator.settings().max_subject_events
    keyed, key_counts, key_errors = key_by_subject(
        read.events, generator.subject, shards, most, spill
    )
    slicing = SliceShard(generator, mapping, options.split, dead, spill)
    bots = generator.settings().bots is not None
    sliced = _sliced(keyed, slicing, observed, read, bots)
    encoder, problems = _encoder(sliced.slices, generator, options.encoder)
    waiting = sliced.slices
    if not isinstance(encoder, dict):
        waiting, failed = _packed(waiting, generator, spill)
        problems.append(failed)
    examples = waiting | "Encode and write" >> beam.ParDo(
        _writer(workspace, options, shards), encoder
    ).with_outputs(COUNTS, ERRORS, main=PARTS)
    stages = (read, sliced, examples)
    problems += [*unnamed, key_errors, *(stage[ERRORS] for stage in stages)]
    counts = [*key_counts, *(stage[COUNTS] for stage in stages)]
    result = (
        pipeline
        | "Once" >> beam.Create([f"{workspace.path}/{RESULT}"])
        | "Write result"
        >> beam.Map(
            _write_result,
            counts=total(pipeline, counts),
            errors=beam.pvalue.AsList(flat(pipeline, problems, "errors")),
            parts=beam.pvalue.AsList(examples[PARTS]),
            sources=found,
            encoder=encoder,
            observed=observed or _estimated(read.days, "again"),
        )
    )
    if finish is not None:
        _ = result | "Publish" >> beam.Map(finish)
    run_to_end(pipeline)
    if spill is not None:
        shutil.rmtree(spill, ignore_errors=True)


def _sliced(
    keyed: Any, step: SliceShard, observed: ObservedRange | None, read: Any, bots: bool
) -> Any:
    """Slices of histories, once a shard's events are together."""
    return (
        keyed
        | "Group" >> beam.GroupByKey()
        | "Slice histories"
        >> beam.ParDo(
            step,
            observed or _estimated(read.days),
            coarse(read.clock) if bots else (),
        ).with_outputs(COUNTS, ERRORS, main="slices")
    )


def _made_spill(workspace: Workspace) -> str:
    """A folder for what waits, where all workers share the disk."""
    spill = f"{workspace.path}/{SHUFFLE}"
    with writing(spill):
        os.mkdir(spill)
    return spill


def _writer(
    workspace: Workspace, options: GenerateOptions, shards: int
) -> WriteExamples:
    recent = options.recent
    return WriteExamples(
        workspace.path,
        options.layout,
        options.compression,
        recent.examples,
        recent.of_shard(shards),
    )


def _read(
    parts: Any, mapping: EventMapping, generator: Generator, dead: str, rows: int | None
) -> Any:
    """Batches of events, and what is told of them beside."""
    named = Named.of(generator)
    step = ReadEvents(mapping, generator, dead, rows=rows, named=named)
    return parts | "Read events" >> beam.ParDo(step).with_outputs(
        COUNTS, DAYS, CLOCK, ERRORS, main="events"
    )


def _packed(slices: Any, generator: Generator, spill: str | None) -> tuple[Any, Any]:
    """Slices that wait for the encoder, and errors of making them small."""
    packed = slices | "Pack slices" >> beam.ParDo(
        PackShard(generator.instance.reads.fields, spill)
    ).with_outputs(ERRORS, main="packed")
    return packed.packed, packed[ERRORS]


def total(pipeline: beam.Pipeline, counts: Sequence[Any]) -> Any:
    """The counts of all stages, added up, as a side input."""
    summed = flat(pipeline, counts, "counts") | "Sum counts" >> beam.CombineGlobally(
        SumCounts()
    )
    return beam.pvalue.AsSingleton(summed)


def flat(pipeline: beam.Pipeline, parts: Sequence[Any], name: str) -> Any:
    return parts | f"All {name}" >> beam.Flatten(pipeline=pipeline)


def _estimated(days: Any, again: str = "") -> Any:
    """The observed range of data that declare none, as a side input."""
    found = (
        days
        | f"Events by day {again}".strip() >> beam.CombineGlobally(SumCounts())
        | f"Observed range {again}".strip() >> beam.Map(_estimate_or_nothing)
    )
    return beam.pvalue.AsSingleton(found)


def coarse(clock: Any) -> Any:
    """The sources whose clock is too coarse for rules on pace, as a side input.

    What a clock shows is summed source by source: all of them together are hours times
    files, which no worker holds.
    """
    found = (
        clock
        | "Clocks of sources" >> beam.CombinePerKey(SumCounts())
        | "Clock by clock" >> beam.Values()
        | "Coarse clocks" >> beam.FlatMap(coarse_sources)
    )
    return beam.pvalue.AsList(found)


def _estimate_or_nothing(days: Mapping[int, int]) -> ObservedRange:
    """An estimate; without events any range does, since nothing will ask it."""
    return estimate(days) if days else ObservedRange(0, 1, "estimated")


def _encoder(
    slices: Any, generator: Generator, given: Encoder | None
) -> tuple[Any, list[Any]]:
    """The encoder as JSON, and errors on the way to it.

    It is a constant, or fitted on train and a side input: None if that failed.
    """
    if given is not None:
        return given.to_dict(), []
    if is_fitted(generator.instance):
        return Encoder(generator.instance).to_dict(), []
    sketched = slices | "Sketch train" >> beam.ParDo(
        SketchTrain(), generator
    ).with_outputs(ERRORS, main="sketches")
    fitted = (
        sketched.sketches
        | "Merge sketches" >> beam.CombineGlobally(MergeSketches())
        | "Fit encoder"
        >> beam.ParDo(FitEncoder(), generator).with_outputs(ERRORS, main="encoder")
    )
    encoder = beam.pvalue.AsSingleton(fitted.encoder, default_value=None)
    return encoder, [sketched[ERRORS], fitted[ERRORS]]


def _write_result(
    path: str,
    counts: Mapping[str, int],
    errors: Sequence[tuple[str, str]],
    parts: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
    encoder: Mapping[str, Any] | None,
    observed: ObservedRange,
) -> None:
    result = {
        "counts": counts,
        "errors": sorted(errors),
        "parts": list(parts),
        "sources": list(sources),
        "encoder": encoder,
        "observed": [observed.from_us, observed.until_us, observed.source],
    }
    try:
        _write_json(path, result)
    except DatasetError as problem:
        # The job has failed. What it wrote makes room for saying so.
        files, root = fsspec.core.url_to_fs(path.removesuffix(f"/{RESULT}"))
        for name in (*SPLITS, DEAD_LETTERS):
            files.rm(f"{root}/{name}", recursive=True)
        failed = (type(problem).__name__, str(problem))
        _write_json(path, {"errors": sorted(errors) or [failed]})


def _write_json(path: str, data: Any) -> None:
    with whole(path) as file:
        file.write(json.dumps(data).encode())


def shard_count(files: Iterable[StoredFile | Source], workers: int) -> int:
    """Shards for an input: one for each 6 MB as stored, as many for every worker.

    Of a very large input they are larger: see `zap.beam.shards`.
    """
    needed = math.ceil(sum(compressed_bytes(file) for file in files) / SHARD_BYTES)
    needed = min(needed, MOST_SHARDS)
    return max(math.ceil(needed / (2 * workers)), 1) * 2 * workers

"""The job from raw events to a published dataset.

The pipeline writes files and one result into a workspace; what decides about publishing
(bad rows, errors, no examples) happens here, after it, so that a job that fails leaves
nothing that looks like a dataset.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apache_beam as beam
import fsspec
import pyarrow as pa

from zap.beam.examples import (
    PARTS,
    FitEncoder,
    MergeSketches,
    SketchTrain,
    SliceShard,
    WriteExamples,
)
from zap.beam.outputs import COUNTS, DAYS, ERRORS, SumCounts, raise_first
from zap.beam.read import ReadEvents
from zap.beam.runner import make_pipeline, workers_of
from zap.beam.shuffle import key_by_shard
from zap.datasets.assemble import LAYOUTS
from zap.datasets.manifest import make_manifest
from zap.datasets.splits import Split, SubjectSplit, TimeSplit
from zap.datasets.store import DEAD_LETTERS, ENCODER, MANIFEST, Dataset, Workspace
from zap.datasets.tfrecord import COMPRESSIONS
from zap.encoding.encoder import Encoder
from zap.encoding.fit import is_fitted
from zap.errors import DatasetError, GeneratorError, InputError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.schema import canonical_schema
from zap.events.sources import Source, list_sources
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange, estimate

RESULT = "result.json"
SHARD_BYTES = 32 * 2**20


@dataclass(frozen=True)
class GenerateOptions:
    """How a dataset is made.

    Attributes:
        split: which example belongs to which part.
        layout: "visits" (events once a history) or "instances" (once a cutoff).
        compression: "none" or "gzip".
        shards: number of shards; None chooses by the size of the input.
        max_bad_share: share of bad rows, and of subjects that a generator raised on,
            above which the job fails.
        encoder: an encoder to use as it is, instead of fitting one.
        beam_args: Beam's own command-line options.
        replace: whether a dataset at the output may be replaced.
    """

    split: Split = field(default_factory=SubjectSplit)
    layout: str = "visits"
    compression: str = "none"
    shards: int | None = None
    max_bad_share: float = 0.01
    encoder: Encoder | None = None
    beam_args: tuple[str, ...] = ()
    replace: bool = False

    def __post_init__(self) -> None:
        for name, known in (("layout", LAYOUTS), ("compression", COMPRESSIONS)):
            if getattr(self, name) not in known:
                raise DatasetError(
                    f"Expected {name} to be {' or '.join(known)}. "
                    f"Received: {name}={getattr(self, name)!r}."
                )
        if self.shards is not None and self.shards < 1:
            raise DatasetError(
                f"Expected at least one shard. Received: shards={self.shards}."
            )
        if not 0 <= self.max_bad_share <= 1:
            raise DatasetError(
                "Expected a share of bad rows from 0 to 1. "
                f"Received: max_bad_share={self.max_bad_share}."
            )


def generate(
    generator: Generator,
    inputs: Sequence[str],
    mapping: EventMapping,
    output: str | Path,
    options: GenerateOptions | None = None,
    watch: Callable[[str], Any] | None = None,
) -> Dataset:
    """Make a dataset of examples from raw events.

    Args:
        generator: the question.
        inputs: files, globs or directories of raw events.
        mapping: how their rows become events.
        output: the directory to be made.
        options: splits, layout, shards, runner.
        watch: called with the workspace's path before the pipeline runs, for progress.

    Returns:
        The finished dataset.

    Raises:
        ZapError: the input, the mapping or the generator does not fit; then nothing is
            left at ``output``.
    """
    options = options or GenerateOptions()
    check_fields(generator, mapping)
    check_split(generator, options.split)
    sources = list_sources(inputs, mapping)
    declared = observed_range(mapping, [source.path for source in sources])
    observed = ObservedRange(*declared) if declared else None
    workspace = Workspace(output, options.replace)
    try:
        if watch:
            watch(workspace.path)
        _run(generator, sources, mapping, observed, workspace, options)
        manifest = _conclude(generator, sources, mapping, workspace, options)
        workspace.write_json(MANIFEST, manifest)
        workspace.publish()
    except BaseException:
        workspace.discard()
        raise
    return Dataset.open(output)


def check_fields(generator: Generator, mapping: EventMapping) -> None:
    """Check that the mapping gives all fields that the generator reads.

    Raises:
        GeneratorError: a field, or the subject, is not mapped.
    """
    schema = canonical_schema(mapping.property_types())
    have = set(schema.names)
    wanted = {generator.subject, *(generator.fields() or ())}
    wanted |= {*generator.instance.reads.fields}
    for name in sorted(wanted):
        base = DERIVED[name].base if name in DERIVED else name
        if base not in have:
            raise GeneratorError(
                f"{generator.name} reads a field that the mapping does not give. "
                f"Received: field={name!r}. Declare it under [properties.{name}]; "
                f"there are: {', '.join(sorted(have))}."
            )
    if not pa.types.is_string(schema.field(generator.subject).type):
        raise GeneratorError(
            f"Expected the subject of {generator.name} to be text. Received: "
            f"field={generator.subject!r} of type "
            f"{mapping.property_types()[generator.subject]!r}. Declare it with type = "
            '"string" in the mapping.'
        )


def check_split(generator: Generator, split: Split) -> None:
    """Check that examples are not split by times that are made up.

    Raises:
        DatasetError: they would be.
    """
    if isinstance(split, TimeSplit) and not generator.time_splits:
        raise DatasetError(
            f"Expected a split by subject: {generator.name} declares time_splits = "
            "False, since its dates are not real. Received: split by time. Leave "
            "--split out."
        )


def shard_count(sources: Sequence[Source], beam_args: Sequence[str]) -> int:
    """Shards for an input: one for each 32 MB as stored, and two a worker."""
    stored = {source.path: source.size_bytes for source in sources}
    least = 2 * workers_of(beam_args)
    return max(math.ceil(sum(stored.values()) / SHARD_BYTES), least)


def _run(
    generator: Generator,
    sources: Sequence[Source],
    mapping: EventMapping,
    observed: ObservedRange | None,
    workspace: Workspace,
    options: GenerateOptions,
) -> None:
    shards = options.shards or shard_count(sources, options.beam_args)
    dead = f"{workspace.path}/{DEAD_LETTERS}"
    pipeline = make_pipeline(options.beam_args)
    read = (
        pipeline
        | "Sources" >> beam.Create(list(sources))
        | "Spread" >> beam.Reshuffle()
        | "Read events"
        >> beam.ParDo(ReadEvents(mapping, generator, dead)).with_outputs(
            COUNTS, DAYS, ERRORS, main="events"
        )
    )
    sliced = (
        read.events
        | "Key by subject" >> beam.FlatMap(key_by_shard, generator.subject, shards)
        | "Group" >> beam.GroupByKey()
        | "Slice histories"
        >> beam.ParDo(
            SliceShard(generator, mapping, options.split, dead),
            observed or _estimated(read.days),
        ).with_outputs(COUNTS, ERRORS, main="slices")
    )
    encoder, problems = _encoder(sliced.slices, generator, options.encoder)
    written = sliced.slices | "Encode and write" >> beam.ParDo(
        WriteExamples(workspace.path, options.layout, options.compression), encoder
    ).with_outputs(COUNTS, ERRORS, main=PARTS)
    stages = (read, sliced, written)
    counts = _flat(
        pipeline, [s[COUNTS] for s in stages], "counts"
    ) | beam.CombineGlobally(SumCounts())
    problems += [stage[ERRORS] for stage in stages]
    errors = _flat(pipeline, problems, "errors")
    _ = (
        pipeline
        | "Once" >> beam.Create([f"{workspace.path}/{RESULT}"])
        | "Write result"
        >> beam.Map(
            _write_result,
            counts=beam.pvalue.AsSingleton(counts),
            errors=beam.pvalue.AsList(errors),
            parts=beam.pvalue.AsList(written[PARTS]),
            encoder=encoder,
            observed=observed or _estimated(read.days, "again"),
        )
    )
    pipeline.run().wait_until_finish()


def _flat(pipeline: beam.Pipeline, parts: Sequence[Any], name: str) -> Any:
    return parts | f"All {name}" >> beam.Flatten(pipeline=pipeline)


def _estimated(days: Any, again: str = "") -> Any:
    """The observed range of data that declare none, as a side input."""
    found = (
        days
        | f"Events by day {again}".strip() >> beam.CombineGlobally(SumCounts())
        | f"Observed range {again}".strip() >> beam.Map(_estimate_or_nothing)
    )
    return beam.pvalue.AsSingleton(found)


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
    encoder: Mapping[str, Any] | None,
    observed: ObservedRange,
) -> None:
    result = {
        "counts": counts,
        "errors": sorted(errors),
        "parts": list(parts),
        "encoder": encoder,
        "observed": [observed.from_us, observed.until_us, observed.source],
    }
    with fsspec.open(path, "wb") as file:
        file.write(json.dumps(result).encode())


def _conclude(
    generator: Generator,
    sources: Sequence[Source],
    mapping: EventMapping,
    workspace: Workspace,
    options: GenerateOptions,
) -> dict[str, Any]:
    """The manifest of what the pipeline wrote, unless it may not be published."""
    result = workspace.read_json(RESULT)
    raise_first((name, text) for name, text in result["errors"])
    counts = result["counts"]
    check_bad_rows(counts, options.max_bad_share, workspace)
    check_failures(counts, options.max_bad_share, workspace)
    if not result["parts"]:
        raise DatasetError(_no_examples(generator, counts))
    encoder = Encoder.from_dict(result["encoder"])
    workspace.write_json(ENCODER, encoder.to_dict())
    workspace.remove(RESULT)
    counts["files.identical"] = identical_files(sources)
    return make_manifest(
        generator,
        mapping,
        sources,
        ObservedRange(*result["observed"]),
        options.split,
        encoder,
        result["parts"],
        counts,
        options.layout,
        options.compression,
    )


def identical_files(sources: Sequence[Source]) -> int:
    """How many files are copies of others: without event ids, events count twice."""
    paths = {source.path for source in sources}
    return len(paths) - len({source.digest for source in sources})


def check_bad_rows(
    counts: Mapping[str, int], most: float, workspace: Workspace
) -> None:
    """Check that not too many rows are bad.

    Raises:
        InputError: more than the share ``most`` of the rows read.
    """
    bad = {n: c for n, c in counts.items() if n.startswith("rows.bad.") and c}
    total = counts.get("rows.read", 0)
    if sum(bad.values()) <= most * total:
        return
    reasons = ", ".join(
        f"{name.removeprefix('rows.bad.')} {number:,}"
        for name, number in sorted(bad.items(), key=lambda each: -each[1])
    )
    raise InputError(
        f"Expected at most {most:.1%} bad rows. Received: {sum(bad.values()):,} of "
        f"{total:,} ({reasons}). {_first_letter(workspace)} Mend the mapping or the "
        "data, name such rows under [[skip]], or raise --max-bad-share."
    )


def check_failures(
    counts: Mapping[str, int], most: float, workspace: Workspace
) -> None:
    """Check that the generator did not raise on too many subjects.

    Raises:
        GeneratorError: it raised on more than the share ``most`` of them.
    """
    failed = counts.get("subjects.generator_error", 0)
    total = counts.get("histories.kept", 0)
    if failed <= most * total:
        return
    letter: dict[str, Any] = next(_letters(workspace, "subjects-*"), {})
    raise GeneratorError(
        f"Expected the generator to raise on at most {most:.1%} of the subjects. "
        f"Received: {failed:,} of {total:,}; the first: "
        f"subject={letter.get('subject')!r} in {letter.get('method')}(): "
        f"{letter.get('error')}. Mend the method, or raise --max-bad-share."
    )


def _letters(workspace: Workspace, pattern: str) -> Iterator[dict[str, Any]]:
    for path in workspace.glob(f"{DEAD_LETTERS}/{pattern}"):
        for line in workspace.read_text(path).splitlines():
            yield json.loads(line)


def _first_letter(workspace: Workspace) -> str:
    letter = next(_letters(workspace, "*"), None)
    if letter is None:
        return ""
    return (
        f"The first: {letter['source']} line {letter['line']}: {letter['reason']}, "
        f"{letter['detail']}"
    )


def _no_examples(generator: Generator, counts: Mapping[str, int]) -> str:
    stages = ("rows.read", "events.kept", "cutoffs.candidates", "cutoffs.examples")
    names = [name for name in counts if ".dropped." in name or ".skipped." in name]
    shown = ", ".join(
        f"{name}={counts.get(name, 0):,}"
        for name in (*stages, *sorted(names))
        if name in stages or counts[name]
    )
    fix = (
        "Check the types that the generator names, its eligibility, and the observed "
        "range."
    )
    if not counts.get("events.kept") and counts.get("events.dropped.no_subject"):
        fix = f"Check the column that the mapping gives for {generator.subject}."
    return f"Expected examples of {generator.name}. Received: none ({shown}). {fix}"

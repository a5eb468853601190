"""The job from raw events to a published dataset.

The pipeline writes files and one result into a workspace; what decides about publishing
(bad rows, errors, no examples) happens after it, so that a job that fails leaves
nothing that looks like a dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from zap.beam.options import GenerateOptions
from zap.beam.pipeline import run_pipeline
from zap.beam.sources import Inputs
from zap.beam.verdict import conclude
from zap.beam.workers import Workers, wanted_workers
from zap.checks.before import NOT_CHECKED, prove_before
from zap.datasets.splits import NewestSplit, Split, TimeSplit
from zap.datasets.store import MANIFEST, Dataset, Workspace
from zap.errors import DatasetError, GeneratorError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.schema import canonical_schema
from zap.events.sources import StoredFile, list_files
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.histories.identity import ADDED, PERSON, subject_columns

__all__ = ["GenerateOptions", "check_fields", "check_split", "generate"]


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
        CheckError: the generator sees past its cutoffs; nothing is written.
        ZapError: the input, the mapping or the generator does not fit; then nothing is
            left at ``output``.
    """
    options = options or GenerateOptions()
    check_fields(generator, mapping)
    check_split(generator, options.split)
    found = Inputs.of(list_files(inputs, mapping))
    events = [file.path for file in found.files if file.dimension is None]
    declared = observed_range(mapping, events)
    observed = ObservedRange(*declared) if declared else None
    proof = NOT_CHECKED
    if options.check:
        proof = prove_before(generator, found.sources or found.files, mapping)
    workspace = Workspace(output, options.replace)
    try:
        if watch:
            watch(workspace.path)
        with options.workers or Workers(workers_for(found.files, options)) as workers:
            run_pipeline(
                generator, found, mapping, observed, workspace, options, workers
            )
        manifest = conclude(generator, found.sources, mapping, workspace, options)
        workspace.write_json(MANIFEST, {**manifest, "check": proof})
        workspace.publish()
    except BaseException:
        workspace.discard()
        raise
    return Dataset.open(output)


def workers_for(files: Sequence[StoredFile], options: GenerateOptions) -> int:
    """How many processes make a dataset of some files, where nobody has begun them."""
    stored = sum(file.size_bytes for file in files)
    return wanted_workers(options.beam_args, stored)


def check_fields(generator: Generator, mapping: EventMapping) -> None:
    """Check that the mapping gives all fields that the generator reads.

    Raises:
        GeneratorError: a field, or the subject, is not mapped.
    """
    schema = canonical_schema(mapping.property_types())
    have = set(schema.names)
    wanted = {*subject_columns(generator.subject), *(generator.fields() or ())}
    wanted |= {*generator.instance.reads.fields}
    for name in sorted(wanted):
        base = DERIVED[name].base if name in DERIVED else name
        if base not in have:
            raise GeneratorError(
                f"{generator.name} reads a field that the mapping does not give. "
                f"Received: field={name!r}. Declare it under [properties.{name}]; "
                f"there are: {', '.join(sorted(have))}."
            )
    bots = generator.bot_rules()
    if bots and bots.missing_agents and "user_agent" not in mapping.fields:
        raise GeneratorError(
            f"{generator.name} takes events without a user agent for bots', but the "
            "mapping gives none. Received: missing_agents=True. Map user_agent under "
            "[fields], or leave missing_agents out."
        )
    if generator.subject == PERSON:
        _check_person(generator, mapping)
    elif not pa.types.is_string(schema.field(generator.subject).type):
        raise GeneratorError(
            f"Expected the subject of {generator.name} to be text. Received: "
            f"field={generator.subject!r} of type "
            f"{mapping.property_types()[generator.subject]!r}. Declare it with type = "
            '"string" in the mapping.'
        )


def _check_person(generator: Generator, mapping: EventMapping) -> None:
    """Check that the mapping tells both ids, and takes no name that Zap adds.

    Raises:
        GeneratorError: it does not.
    """
    for name in subject_columns(PERSON):
        if name not in mapping.fields:
            raise GeneratorError(
                f"{generator.name} has subject = {PERSON!r}, which links anonymous_id "
                f"and user_id. Received: no {name} in the mapping. Declare it under "
                "[fields], or make the other one the subject."
            )
    for name in ADDED:
        if name in mapping.properties:
            raise GeneratorError(
                f"{generator.name} has subject = {PERSON!r}, a column that Zap adds. "
                f"Received: property={name!r}. Rename the property; its column may "
                "keep its name."
            )


def check_split(generator: Generator, split: Split) -> None:
    """Check that examples are not split by times that are made up.

    Raises:
        DatasetError: they would be.
    """
    if isinstance(split, TimeSplit | NewestSplit) and not generator.time_splits:
        raise DatasetError(
            f"Expected a split by subject: {generator.name} declares time_splits = "
            "False, since its dates are not real. Received: split by time. Leave "
            "--split out."
        )

"""The job from raw events to a published dataset.

The pipeline writes files and one result into a workspace; what decides about publishing
(bad rows, errors, no examples) happens after it, so that a job that fails leaves
nothing that looks like a dataset.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from zap.beam.dataflow import Job, args_for, template_of
from zap.beam.finish import Finish
from zap.beam.fitting import check_fields, check_split
from zap.beam.options import GenerateOptions
from zap.beam.pipeline import run_pipeline
from zap.beam.sources import Inputs
from zap.beam.workers import Workers, wanted_workers
from zap.checks.before import NOT_CHECKED, prove_before
from zap.datasets.store import Dataset, Workspace
from zap.datasets.stores import check_writable
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.sources import StoredFile, compressed_bytes, list_files
from zap.events.splitting import narrowed
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.histories.needed import properties_to_read, unread_fields

__all__ = [
    "GenerateOptions",
    "check_fields",
    "check_split",
    "generate",
    "write_template",
]


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
    if template_of(options.beam_args):
        raise InputError(
            "Expected a job to be run. Received: template_location, which writes it "
            "for others to launch. Call write_template."
        )
    with _prepared(generator, inputs, mapping, output, options) as job:
        try:
            if watch:
                watch(job.finish.workspace.path)
            _run(job)
            job.finish()
        except BaseException:
            job.finish.workspace.discard()
            raise
    return Dataset.open(output)


def write_template(
    generator: Generator,
    inputs: Sequence[str],
    mapping: EventMapping,
    output: str,
    options: GenerateOptions,
) -> str:
    """Write the job that makes a dataset, for Dataflow to launch.

    Nobody waits for such a job, so its last step publishes the dataset.

    Args:
        generator: the question.
        inputs: files, globs or directories of raw events, on a bucket.
        mapping: how their rows become events.
        output: the directory to be made, on a bucket.
        options: as for `generate`; Beam's say ``--template_location``.

    Returns:
        Where the job is described.

    Raises:
        ZapError: as for `generate`.
    """
    # A secret has no business in a description of a job that lies on a bucket.
    options = replace(options, recent=replace(options.recent, key=None))
    with _prepared(generator, inputs, mapping, output, options) as job:
        _run(job, last=True)
    return template_of(options.beam_args) or ""


class _Prepared(NamedTuple):
    """A job that may be run: what finishes it, and what only its plan needs."""

    finish: Finish
    inputs: Inputs
    observed: ObservedRange | None


@contextlib.contextmanager
def _prepared(
    generator: Generator,
    inputs: Sequence[str],
    mapping: EventMapping,
    output: str | Path,
    options: GenerateOptions,
) -> Iterator[_Prepared]:
    """All that is found out, checked and made before the pipeline runs."""
    check_fields(generator, mapping)
    check_split(generator, options.split)
    with _for_runner(generator, inputs, mapping, output, options) as options:
        if not template_of(options.beam_args):
            check_writable(str(output))  # of a template it is for workers to write
        files = narrowed(
            list_files(inputs, mapping),
            mapping,
            properties_to_read(generator),
            unread_fields(generator),
        )
        found = Inputs.of(files, later=bool(template_of(options.beam_args)))
        events = [file.path for file in found.files if file.dimension is None]
        declared = observed_range(mapping, events)
        observed = ObservedRange(*declared) if declared else None
        proof = NOT_CHECKED
        if options.check:
            proof = prove_before(generator, found.sources or found.files, mapping)
        workspace = Workspace(output, options.replace)
        finish = Finish(generator, found.sources, mapping, workspace, options, proof)
        yield _Prepared(finish, found, observed)


@contextlib.contextmanager
def _for_runner(
    generator: Generator,
    inputs: Sequence[str],
    mapping: EventMapping,
    output: str | Path,
    options: GenerateOptions,
) -> Iterator[GenerateOptions]:
    """The options with what the runner that they name needs beside."""
    job = Job(
        generator.name,
        tuple(map(str, inputs)),
        str(output),
        (type(generator).__module__,),
        mapping.dimension_paths(),
    )
    with args_for(options.beam_args, job) as args:
        yield replace(options, beam_args=args)


def _run(job: _Prepared, last: bool = False) -> None:
    """Run the pipeline; with ``last`` what finishes the dataset is a step of it."""
    finish, options = job.finish, job.finish.options
    wanted = options.workers or Workers(workers_for(job.inputs.files, options))
    with wanted as workers:
        run_pipeline(
            finish.generator,
            job.inputs,
            finish.mapping,
            job.observed,
            finish.workspace,
            options,
            workers,
            replace(finish, options=replace(options, workers=None)) if last else None,
        )


def workers_for(files: Sequence[StoredFile], options: GenerateOptions) -> int:
    """How many processes make a dataset of some files, where nobody has begun them."""
    stored = sum(compressed_bytes(file) for file in files)
    return wanted_workers(options.beam_args, stored)

"""The job from raw events to published predictions of a day, or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zap.beam.dataflow import Job, args_for
from zap.beam.generate import check_fields
from zap.beam.outputs import raise_first
from zap.beam.read import properties_to_read
from zap.beam.score import Model
from zap.beam.score_pipeline import ScoreJob, run_scoring
from zap.beam.sources import Inputs, named_in
from zap.beam.verdict import check_bad_rows, identical_files
from zap.beam.workers import Workers, wanted_workers
from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.names import LIVE
from zap.bundles.registry import Registry
from zap.errors import InputError, MappingError, ZapError
from zap.events.mapping import EventMapping
from zap.events.sources import StoredFile, list_files
from zap.events.splitting import narrowed
from zap.histories.needed import unread_fields
from zap.scoring.output import Output
from zap.scoring.outputs import open_output
from zap.scoring.question import mapping_of, question_of
from zap.scoring.rows import day_of
from zap.scoring.run_folder import RunFolder
from zap.scoring.summary import summary_of
from zap.serving.served import Served
from zap.times import DAY_US, iso

PREDICTING = ("ai-edge-litert", "pymongo")
"""Packages that workers elsewhere need besides those that make examples."""


@dataclass(frozen=True)
class ScoreOptions:
    """How subjects are scored.

    Attributes:
        eligible: whether only those are scored for whom the question is asked.
        max_bad_share: share of bad rows above which nothing is published.
        shards: number of shards; None chooses by the size of the input.
        beam_args: Beam's own command-line options.
        workers: processes of a local run that were begun before; they end with it.
    """

    eligible: bool = False
    max_bad_share: float = 0.01
    shards: int | None = None
    beam_args: tuple[str, ...] = ()
    workers: Workers | None = None

    def __post_init__(self) -> None:
        if self.shards is not None and self.shards < 1:
            raise InputError(
                "Expected at least one shard. "
                f"Received: shards={self.shards}. Leave it out to choose by size."
            )
        if not 0 <= self.max_bad_share <= 1:
            raise InputError(
                "Expected a share of bad rows from 0 to 1. "
                f"Received: max_bad_share={self.max_bad_share}."
            )


def find_bundle(
    application: str, root: Where, version: str = LIVE, bundle: str | None = None
) -> Bundle:
    """The version that is to score, verified.

    Args:
        application: whose.
        root: the registry.
        version: as a registry resolves it; its live one if nothing is said.
        bundle: a bundle's directory or URL, in place of a registry's.

    Raises:
        RegistryError: there is no such version.
        BundleError: it is damaged.
    """
    if bundle is not None:
        return Bundle.load(bundle)
    registry = Registry(root, application)
    return registry.load(registry.resolve(version))


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
    path = str(bundle.path)
    where = path if "://" in path else str(Path(path).resolve())
    model = Model(application, bundle.version, where)
    served = model.load()
    target = open_output(output) if isinstance(output, str) else output
    elsewhere = Job(
        application,
        (*map(str, inputs), where),
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


def check_times(times_us: Sequence[int]) -> None:
    """Check that there are times of reference, each on a day of its own.

    Raises:
        InputError: there are none, or two on one day, one of which would be lost.
    """
    by_day: dict[int, int] = {}
    for at_us in times_us:
        other = by_day.setdefault(at_us // DAY_US, at_us)
        if other != at_us or times_us.count(at_us) > 1:
            raise InputError(
                "Expected times of reference on days of their own, since a day has one "
                f"set of predictions. Received: at={iso(other)} and {iso(at_us)}. "
                "Leave one out, or write it to another output."
            )
    if not by_day:
        raise InputError(
            "Expected a time of reference. Received: none. Give one with --at, or days "
            "with --days."
        )


def own_mapping(bundle: Bundle) -> EventMapping:
    """The mapping that a bundle was trained with, if that is all that is needed.

    Raises:
        BundleError: it does not tell one.
        MappingError: the mapping names files of dimensions, which are elsewhere now.
    """
    mapping = mapping_of(bundle)
    if mapping.dimensions:
        names = ", ".join(each.name for each in mapping.dimensions)
        raise MappingError(
            "Expected the mapping file, since the mapping has dimensions, whose files "
            f"are found from where it lies. Received: dimensions={names}. Give it with "
            "--mapping FILE."
        )
    return mapping


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

"""Whether what a pipeline wrote may be published, and the manifest if so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from zap.beam.options import GenerateOptions
from zap.beam.outputs import raise_first
from zap.beam.pipeline import RESULT
from zap.beam.sources import named_in
from zap.beam.write import CANDIDATES
from zap.datasets.manifest import make_manifest
from zap.datasets.recent import (
    RECENT,
    chosen_of,
    key_id,
    packed_lines,
    unpacked_lines,
)
from zap.datasets.selection import split_parts
from zap.datasets.store import DEAD_LETTERS, ENCODER, Workspace
from zap.encoding.encoder import Encoder
from zap.errors import DatasetError
from zap.events.bad_rows import refuse_bad_rows, told
from zap.events.mapping import EventMapping
from zap.events.raw import DeadLetter
from zap.events.sources import Source
from zap.examples.generator import Generator
from zap.examples.methods import refuse_failures
from zap.examples.observed import ObservedRange
from zap.histories.identity import subject_columns
from zap.histories.named import PREFIX, Named
from zap.times import iso

READ_AT_ONCE = 32


class Readable(Protocol):
    """A folder in which dead letters lie."""

    def glob(self, pattern: str) -> list[str]:
        """Names of files that match, in order."""

    def read_text(self, name: str) -> str:
        """The text of a file."""


def conclude(
    generator: Generator,
    sources: Sequence[Source] | None,
    mapping: EventMapping,
    workspace: Workspace,
    options: GenerateOptions,
) -> dict[str, Any]:
    """The manifest of what the pipeline wrote, unless it may not be published.

    Args:
        generator: the question.
        sources: the files of raw events; None where the pipeline has named them.
        mapping: how their rows became events.
        workspace: where the pipeline wrote.
        options: how the dataset was made.

    Raises:
        ZapError: an error from within the pipeline, too many bad rows or failed
            subjects, or no examples.
    """
    result = workspace.read_json(RESULT)
    raise_first((name, text) for name, text in result["errors"])
    named, counts = _apart(generator, result["counts"])
    check_bad_rows(counts, options.max_bad_share, workspace)
    check_failures(counts, options.max_bad_share, workspace)
    observed = ObservedRange(*result["observed"])
    if not split_parts(result["parts"])[0]:
        raise DatasetError(_no_examples(generator, counts, named, observed))
    encoder = Encoder.from_dict(result["encoder"])
    workspace.write_json(ENCODER, encoder.to_dict())
    if sources is None:
        sources = named_in(result["sources"])
    recent = publish_recent(workspace, options)
    counts["files.identical"] = identical_files(sources)
    manifest = make_manifest(
        generator,
        mapping,
        sources,
        observed,
        options.split,
        encoder,
        result["parts"],
        counts,
        options.layout,
        options.compression,
    )
    return {**manifest, "named": named, "recent": recent}


def _apart(
    generator: Generator, counts: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """How often what the generator names was read, and the other counters."""
    named = Named.of(generator)
    others = {n: count for n, count in counts.items() if not n.startswith(PREFIX)}
    return named.described(counts), others


def publish_recent(workspace: Workspace, options: GenerateOptions) -> dict[str, Any]:
    """Choose the examples that are told again as events; what the manifest says."""
    names = workspace.glob(f"{CANDIDATES}/*")
    chosen = chosen_of(_lines(workspace, names), options.recent)
    workspace.write_bytes(RECENT, packed_lines(chosen))
    key = options.recent.key
    return {"examples": len(chosen), "key": None if key is None else key_id(key)}


def _lines(workspace: Workspace, names: Sequence[str]) -> Iterator[bytes]:
    """The lines of packed files, some read at once: a bucket answers each slowly."""
    with ThreadPoolExecutor(READ_AT_ONCE) as threads:
        for first in range(0, len(names), READ_AT_ONCE):
            some = names[first : first + READ_AT_ONCE]
            for content in threads.map(workspace.read_bytes, some):
                yield from unpacked_lines(content)


def identical_files(sources: Sequence[Source]) -> int:
    """How many files are copies of others: without event ids, events count twice."""
    # Days of one table are of one path, and each has a digest of its own.
    files = {(source.path, source.digest) for source in sources}
    return len(files) - len({source.digest for source in sources})


def check_bad_rows(counts: Mapping[str, int], most: float, workspace: Readable) -> None:
    """Check that not too many rows are bad.

    Raises:
        InputError: more than the share ``most`` of the rows read.
    """
    refuse_bad_rows(counts, most, lambda: _first_letter(workspace))


def check_failures(
    counts: Mapping[str, int], most: float, workspace: Workspace
) -> None:
    """Check that the generator did not raise on too many subjects.

    Raises:
        GeneratorError: it raised on more than the share ``most`` of them.
    """
    failed = counts.get("subjects.generator_error", 0)
    total = counts.get("histories.kept", 0)
    letter: dict[str, Any] = next(_letters(workspace, "subjects-*"), {})
    refuse_failures(failed, total, most, letter)


def _letters(workspace: Readable, pattern: str) -> Iterator[dict[str, Any]]:
    for path in workspace.glob(f"{DEAD_LETTERS}/{pattern}"):
        for line in workspace.read_text(path).splitlines():
            yield json.loads(line)


def _first_letter(workspace: Readable) -> str:
    rows = (each for each in _letters(workspace, "*") if "source" in each)
    letter = next(rows, None)
    return "" if letter is None else told(DeadLetter(**letter))


def _no_examples(
    generator: Generator,
    counts: Mapping[str, int],
    named: Mapping[str, Mapping[str, int]],
    observed: ObservedRange,
) -> str:
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
    if never := [name for name, number in named["types"].items() if not number]:
        fix = (
            f"No event is of the type {' or '.join(map(repr, never))}. Check its name."
        )
    if not counts.get("rows.read"):
        fix = "No row was read: the files hold no more than a header. Check --input."
    if not counts.get("events.kept") and counts.get("events.dropped.no_subject"):
        columns = " and ".join(subject_columns(generator.subject))
        fix = f"Check the column that the mapping gives for {columns}."
    censored = counts.get("cutoffs.dropped.censored", 0)
    if 2 * censored > counts.get("cutoffs.candidates", 0):
        fix = (
            "The windows of most labels do not lie within the observed range, "
            f"{iso(observed.from_us)} to {iso(observed.until_us)}. Check [observed], "
            "and the unit of the timestamp."
        )
    return f"Expected examples of {generator.name}. Received: none ({shown}). {fix}"

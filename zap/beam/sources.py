"""Which files a job reads, and who names them by their content.

A name is a hash of all of a file's bytes, and a file is cut by what its last bytes say.
For some files the process that starts the job does both before anything runs. For many
files, or large or distant ones, that would take longer than the job: then its workers
do it, each file once and all of them at the same time. The names are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol, Self

import apache_beam as beam
import fsspec

from zap.beam.outputs import ERRORS, error
from zap.errors import ZapError
from zap.events.files import is_remote
from zap.events.sources import Source, StoredFile, in_order, named
from zap.events.splitting import parts_of

LARGE_BYTES = 2**30
"""Stored size from which on workers name the files: reading it here takes seconds."""

DISTANT_BYTES = 2**26
"""The same, where a file is not on this machine."""

MANY_FILES = 1_000
"""Number of files from which on workers name them, whatever their size."""

PART_ROWS = 1_000_000
LISTING = "listing.jsonl"  # a file of the workspace, gone before it is published
LISTED_TOGETHER = 500
NAMED = "named"


class Folder(Protocol):
    """Where a job's own files lie, for all workers to see."""

    @property
    def path(self) -> str:
        """The folder, as fsspec knows it."""

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the folder."""


@dataclass(frozen=True)
class Inputs:
    """The files of a job.

    Attributes:
        files: as a listing tells of them.
        sources: they with their names, or None where workers name them.
    """

    files: Sequence[StoredFile]
    sources: Sequence[Source] | None

    @classmethod
    def of(cls, files: Sequence[StoredFile], later: bool = False) -> Self:
        """Files, and their names unless that takes long.

        Args:
            files: as a listing tells of them.
            later: whether the job runs at another time. Streams of tables are gone
                hours after they were asked for, so workers have to ask.

        Raises:
            InputError: a file cannot be read.
        """
        tables = any(file.table is not None for file in files)
        if left_to_workers(files) or (later and tables):
            return cls(files, None)
        return cls(files, in_order(named(file) for file in files))


def left_to_workers(files: Sequence[StoredFile]) -> bool:
    """Whether workers name the files."""
    size = sum(file.size_bytes for file in files)
    distant = any(is_remote(file.path) for file in files)
    return len(files) > MANY_FILES or size > (DISTANT_BYTES if distant else LARGE_BYTES)


def read_inputs(
    pipeline: beam.Pipeline, inputs: Inputs, workspace: Folder
) -> tuple[Any, list[Any], Any]:
    """What there is to read, spread over workers; errors; and who was named.

    Args:
        pipeline: to begin with.
        inputs: the files.
        workspace: where a long listing lies for workers to see.

    Returns:
        Sources that a worker reads at once; errors; a side input of sources, as
        dictionaries, that workers have named, or an empty list.
    """
    if inputs.sources is not None:
        parts = pipeline | "Sources" >> beam.Create(parts_to_read(inputs.sources))
        return parts | "Spread" >> beam.Reshuffle(), [], []
    found = (
        pipeline
        | "Listing" >> beam.Create(write_listing(inputs.files, workspace))
        | "Read listing" >> beam.FlatMap(read_lines)
        | "Spread files" >> beam.Reshuffle()
        | "Name files" >> beam.ParDo(NameFiles()).with_outputs(NAMED, ERRORS, main="to")
    )
    parts = found.to | "Spread" >> beam.Reshuffle()
    return parts, [found[ERRORS]], beam.pvalue.AsList(found[NAMED])


class NameFiles(beam.DoFn):
    """Names files by their content and cuts them into parts."""

    def process(self, file: StoredFile) -> Iterator[Any]:
        """The parts of a file; beside them the file with its name, and errors."""
        try:
            source = named(file)
            parts = parts_of(source, PART_ROWS)
        except ZapError as problem:
            yield error(problem)
            return
        yield from parts
        yield beam.pvalue.TaggedOutput(NAMED, asdict(source))


class Lines(NamedTuple):
    """Some lines of a file.

    Attributes:
        path: the file.
        start: the first byte.
        stop: the byte after the last one.
    """

    path: str
    start: int
    stop: int


def write_listing(files: Sequence[StoredFile], workspace: Folder) -> list[Lines]:
    """Write a listing into the workspace; where its pieces are.

    The plan of a job holds all that a job begins with, and a service takes plans of
    some megabytes only, which would be full of paths.

    Raises:
        DatasetError: the disk is full, or fails.
    """
    path = f"{workspace.path}/{LISTING}"
    pieces, places, start = [], [], 0
    for first in range(0, len(files), LISTED_TOGETHER):
        some = files[first : first + LISTED_TOGETHER]
        pieces.append(b"".join(_line(file) for file in some))
        places.append(Lines(path, start, start + len(pieces[-1])))
        start = places[-1].stop
    workspace.write_bytes(LISTING, b"".join(pieces))
    return places


def read_lines(lines: Lines) -> Iterator[StoredFile]:
    """The files of a piece of a listing."""
    system, inner = fsspec.core.url_to_fs(lines.path)
    content = system.cat_file(inner, start=lines.start, end=lines.stop)
    for line in content.splitlines():
        yield StoredFile(**json.loads(line))


def parts_to_read(sources: Iterable[Source]) -> list[Source]:
    """The sources, large Parquet files cut by row groups so that workers share them."""
    return [part for source in sources for part in parts_of(source, PART_ROWS)]


def named_in(result: Iterable[dict[str, Any]]) -> list[Source]:
    """The sources that workers named, in the order that their content gives them."""
    return in_order(Source(**each) for each in result)


def _line(file: StoredFile) -> bytes:
    return json.dumps(asdict(file)).encode() + b"\n"

"""Finds the files of raw events and names each by its content.

A file's digest takes part in the total order and in the identity of its rows, so that
nothing depends on where files lie or in which order they are listed.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zap.errors import InputError
from zap.events.archive_files import current
from zap.events.dimensions import Dimension, resolved
from zap.events.exports import check_one_table_a_day
from zap.events.files import (
    CHUNK_BYTES,
    filesystem,
    is_remote,
    open_bytes,
    reading,
)
from zap.events.mapping import EventMapping
from zap.events.specs import FORMATS
from zap.events.tables import shown

SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".log": "combined",
}


@dataclass(frozen=True)
class Source:
    """A file of raw events, or some row groups of one.

    Attributes:
        path: where it is.
        digest: hex of a 128-bit hash of the file's bytes, as stored.
        size_bytes: of the file, as stored.
        format: one of those of ``zap.events.reading``: a mapping's, or "ga4.parquet" or
            "ga4.jsonl" by how the file begins, since its name often tells nothing.
        row_groups: those of a Parquet file that belong to this part; None for all.
        dimension: the name of the dimension whose rows it holds; None for events.
    """

    path: str
    digest: str
    size_bytes: int
    format: str
    row_groups: tuple[int, ...] | None = None
    dimension: str | None = None


def list_sources(patterns: Sequence[str], mapping: EventMapping) -> list[Source]:
    """The files that patterns name, and those of the mapping's dimensions.

    Args:
        patterns: paths, globs or directories, local or of a filesystem that fsspec
            knows. In directories files of known names count, at any depth; those that
            begin with "." or "_" do not.
        mapping: may say the format of all files. A file of one of its dimensions is
            not read as events too, where a directory holds both.

    Returns:
        Each file once, sorted by digest and path.

    Raises:
        InputError: a pattern names nothing, a file is empty or of an unknown kind, or
            two of GA4's tables hold one day.
    """
    told = [source for each in mapping.dimensions for source in _told(each, mapping)]
    taken = {os.path.abspath(source.path) for source in told}
    sources = [
        _source(path, mapping.format)
        for path in _paths(patterns, mapping.format)
        if is_remote(path) or os.path.abspath(path) not in taken
    ]
    if mapping.format == "ga4":
        check_one_table_a_day(source.path for source in sources)
    return sorted([*sources, *told], key=_place)


def stored_bytes(patterns: Sequence[str], mapping: EventMapping) -> int:
    """The size of local files that patterns name; 0 for what is elsewhere or not there.

    Found without reading them, for decisions that need no more than a size.
    """
    here = [str(pattern) for pattern in patterns if not is_remote(str(pattern))]
    paths = {path for each in here for path in _listed(each, mapping.format)}
    return sum(os.path.getsize(path) for path in paths)


def _place(source: Source) -> tuple[str, str, str]:
    return source.digest, source.path, source.dimension or ""


def _told(dimension: Dimension, mapping: EventMapping) -> list[Source]:
    """The files of a dimension."""
    patterns = [resolved(pattern, mapping.folder) for pattern in dimension.inputs]
    return [
        replace(_source(path, dimension.format), dimension=dimension.name)
        for path in _paths(patterns, dimension.format)
    ]


def _paths(patterns: Sequence[str], declared: str | None) -> list[str]:
    """The paths that patterns name, each once."""
    paths: dict[str, None] = {}
    for pattern in patterns:
        found = _listed(str(pattern), declared)
        if not found:
            raise InputError(
                "Expected at least one file of events. Received: "
                f"input={shown(str(pattern))}, which names none. Check the path; "
                f"files in a directory are found by their names ({', '.join(SUFFIXES)}"
                "), or any if the mapping says format."
            )
        paths.update(dict.fromkeys(found))
    return list(paths)


def _listed(pattern: str, declared: str | None) -> list[str]:
    """The paths that a pattern names; of an archive those that hold its events now."""
    found = _expand(pattern, declared)
    return current(found) if declared == "archive" else found


def _expand(pattern: str, declared: str | None) -> list[str]:
    if is_remote(pattern):
        return _expand_remote(pattern, declared)
    if os.path.isdir(pattern):
        pattern = glob.escape(pattern)
        found = glob.glob(os.path.join(pattern, "**", "*"), recursive=True)
        return _data_files(found, pattern, declared)
    if os.path.isfile(pattern):
        return [os.path.normpath(pattern)]
    found = glob.glob(pattern, recursive=True)
    return [os.path.normpath(path) for path in found if os.path.isfile(path)]


def _data_files(found: list[str], root: str, declared: str | None) -> list[str]:
    """The files of a directory that hold events, by their names."""
    files = []
    for path in found:
        name = os.path.basename(path)
        hidden = name.startswith((".", "_"))
        known = declared is not None or format_of(path) is not None
        if known and not hidden and os.path.isfile(path):
            files.append(os.path.normpath(path))
    return files


def _expand_remote(pattern: str, declared: str | None) -> list[str]:
    system, inner = filesystem(pattern)
    with reading(pattern):
        if glob.has_magic(inner):
            found = [
                path
                for path in system.glob(inner)
                if not path.rpartition("/")[2].startswith(".") and system.isfile(path)
            ]
        elif system.isdir(inner):
            found = [
                path
                for path in system.find(inner)
                if (declared or format_of(path))
                and not path.rpartition("/")[2].startswith((".", "_"))
            ]
        else:
            found = [inner] if system.exists(inner) else []
    return [str(system.unstrip_protocol(path)) for path in found]


def format_of(path: str) -> str | None:
    """The format that a file's name tells, or None."""
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    return next((f for suffix, f in SUFFIXES.items() if name.endswith(suffix)), None)


def _source(path: str, declared: str | None) -> Source:
    kind = declared or format_of(path)
    if kind is None:
        raise InputError(
            "Expected a file whose name tells its format "
            f"({', '.join(SUFFIXES)}; .gz and .zst behind). Received: path={path!r}. "
            f"Say format in the mapping, one of {', '.join(FORMATS)}."
        )
    digest, size, begin = hashlib.blake2b(digest_size=16), 0, b""
    with open_bytes(path) as file, reading(path):
        while chunk := file.read(CHUNK_BYTES):
            begin = begin or chunk[:4]
            digest.update(chunk)
            size += len(chunk)
    if size == 0:
        raise InputError(
            f"Expected a file that holds events. Received: path={path!r}, which is "
            "empty. Remove it, or write it again."
        )
    if kind == "ga4":
        kind = "ga4.parquet" if begin == b"PAR1" else "ga4.jsonl"
    return Source(path, digest.hexdigest(), size, kind)

"""Finds the files of raw events and names each by its content.

A file's digest takes part in the total order and in the identity of its rows, so that
nothing depends on where files lie or in which order they are listed. To find files is
cheap and to name them means to read all their bytes, so the two are apart: who has
thousands of files lets workers name them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from zap.errors import InputError
from zap.events.bigquery_sources import is_table, tables_of
from zap.events.dimensions import Dimension, resolved
from zap.events.exports import check_one_table_a_day
from zap.events.files import CHUNK_BYTES, is_remote, open_bytes, reading
from zap.events.mapping import EventMapping
from zap.events.patterns import SUFFIXES, format_of, paths_of
from zap.events.specs import FORMATS

TABLE_COMPRESSION = 6
"""A table's size is told without compression; columns of events shrink about so."""


@dataclass(frozen=True)
class StoredFile:
    """A file of raw events that nobody has read yet.

    Attributes:
        path: where it is.
        size_bytes: as stored.
        format: a mapping's, or what its name tells.
        dimension: the name of the dimension whose rows it holds; None for events.
        table: of a table of BigQuery what is read of it (``TableRead``), as a line of
            text, so that a source stays flat; None for a file.
        digest: of a table; a file's is found by reading it.
    """

    path: str
    size_bytes: int
    format: str
    dimension: str | None = None
    table: str | None = None
    digest: str = ""


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
        table: of a table of BigQuery, or a stream of one, what is read of it; None for
            a file. The digest is then one of what the service says of the table.
    """

    path: str
    digest: str
    size_bytes: int
    format: str
    row_groups: tuple[int, ...] | None = None
    dimension: str | None = None
    table: str | None = None


def list_sources(patterns: Sequence[str], mapping: EventMapping) -> list[Source]:
    """The files that patterns name, and those of the mapping's dimensions, all read.

    Args:
        patterns: see `list_files`.
        mapping: see `list_files`.

    Returns:
        Each file once, sorted by digest and path.

    Raises:
        InputError: as for `list_files`; or a file cannot be read.
    """
    return in_order(named(file) for file in list_files(patterns, mapping))


def list_files(patterns: Sequence[str], mapping: EventMapping) -> list[StoredFile]:
    """The files that patterns name, and those of the mapping's dimensions, unread.

    Args:
        patterns: paths, globs or directories, local or of a filesystem that fsspec
            knows, and tables of BigQuery (``zap.events.bigquery_sources``). In
            directories files of known names count, at any depth; those that begin
            with "." or "_" do not.
        mapping: may say the format of all files. A file of one of its dimensions is
            not read as events too, where a directory holds both.

    Returns:
        Each file once, sorted by path.

    Raises:
        InputError: a pattern names nothing, a file is empty or of an unknown kind, or
            two of GA4's tables hold one day.
    """
    told = [file for each in mapping.dimensions for file in _told(each, mapping)]
    taken = {place(file.path) for file in told}
    files = [
        _stored(path, size, mapping.format)
        for path, size in paths_of(_without_tables(patterns), mapping.format).items()
        if place(path) not in taken
    ]
    files += _tables(patterns, mapping)
    if mapping.format == "ga4":
        check_one_table_a_day(file.path for file in files)
    return sorted([*files, *told], key=lambda file: (file.path, file.dimension or ""))


def named(file: StoredFile) -> Source:
    """A file with the digest of its bytes, which are all read.

    Raises:
        InputError: it cannot be read, or is empty.
    """
    if file.table is not None:
        return _of_table(file)
    digest, size, begin = hashlib.blake2b(digest_size=16), 0, b""
    with open_bytes(file.path) as opened, reading(file.path):
        while chunk := opened.read(CHUNK_BYTES):
            begin = begin or chunk[:4]
            digest.update(chunk)
            size += len(chunk)
    if size == 0:
        raise _empty(file.path)
    kind = _kind(file.format, begin)
    return Source(file.path, digest.hexdigest(), size, kind, dimension=file.dimension)


def named_by_path(file: StoredFile) -> Source:
    """A file named by where it lies, for a look at its first rows.

    Its rows keep their order among themselves; the digest is none of its content.

    Raises:
        InputError: it cannot be read.
    """
    if file.table is not None:
        return _of_table(file)
    begin = b""
    if file.format == "ga4":
        with open_bytes(file.path) as opened, reading(file.path):
            begin = opened.read(4)
    digest = hashlib.blake2b(file.path.encode(), digest_size=16).hexdigest()
    kind = _kind(file.format, begin)
    return Source(file.path, digest, file.size_bytes, kind, dimension=file.dimension)


def _of_table(file: StoredFile) -> Source:
    """A table, which the service has named already."""
    return Source(
        file.path,
        file.digest,
        file.size_bytes,
        file.format,
        dimension=file.dimension,
        table=file.table,
    )


def in_order(sources: Iterable[Source]) -> list[Source]:
    """Sources in the order that their content gives them."""
    return sorted(sources, key=lambda s: (s.digest, s.path, s.dimension or ""))


def stored_bytes(patterns: Sequence[str], mapping: EventMapping) -> int:
    """The size of local files that patterns name; 0 for what is elsewhere.

    Found without reading them, for decisions that need no more than a size.

    Raises:
        InputError: a local pattern names nothing.
    """
    here = [each for each in _without_tables(patterns) if not is_remote(each)]
    return sum(paths_of(here, mapping.format).values())


def place(path: str) -> str:
    """The one name of a file that has several."""
    return path if is_remote(path) else os.path.abspath(path)


def _told(dimension: Dimension, mapping: EventMapping) -> list[StoredFile]:
    """The files of a dimension."""
    patterns = [resolved(pattern, mapping.folder) for pattern in dimension.inputs]
    files = [
        _stored(path, size, dimension.format, dimension.name)
        for path, size in paths_of(_without_tables(patterns), dimension.format).items()
    ]
    tables = _tables(patterns, mapping.of(dimension.name))
    return files + [replace(table, dimension=dimension.name) for table in tables]


def _without_tables(patterns: Sequence[str]) -> list[str]:
    return [str(pattern) for pattern in patterns if not is_table(str(pattern))]


def _tables(patterns: Sequence[str], mapping: EventMapping) -> list[StoredFile]:
    """The tables that patterns name, each once."""
    found = {
        (table.path, table.digest): StoredFile(
            table.path,
            table.size_bytes,
            table.format,
            table=table.read.to_text(),
            digest=table.digest,
        )
        for pattern in patterns
        if is_table(str(pattern))
        for table in tables_of(str(pattern), mapping)
    }
    return list(found.values())


def compressed_bytes(file: StoredFile | Source) -> int:
    """What a file's or a table's events would take as compressed columns."""
    return file.size_bytes // (1 if file.table is None else TABLE_COMPRESSION)


def _stored(
    path: str, size: int, declared: str | None, dimension: str | None = None
) -> StoredFile:
    kind = declared or format_of(path)
    if kind is None:
        raise InputError(
            "Expected a file whose name tells its format "
            f"({', '.join(SUFFIXES)}; .gz and .zst behind). Received: path={path!r}. "
            f"Say format in the mapping, one of {', '.join(FORMATS)}."
        )
    if size == 0:
        raise _empty(path)
    return StoredFile(path, size, kind, dimension)


def _empty(path: str) -> InputError:
    return InputError(
        f"Expected a file that holds events. Received: path={path!r}, which is "
        "empty. Remove it, or write it again."
    )


def _kind(declared: str, begin: bytes) -> str:
    """The format of a file: what a table of GA4's is in, its first bytes tell."""
    if declared != "ga4":
        return declared
    return "ga4.parquet" if begin == b"PAR1" else "ga4.jsonl"

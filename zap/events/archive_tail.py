"""An archive read on and on, by the numbers of its events, while it grows.

A number is given once, whatever files an event comes to lie in. So a position is all
that a reader has to remember, and merging under it changes nothing: rows below the
position are left out, from whichever file. How far the archive is whole is said by its
last commit; its files get their names one after the other, so the commit counts only
once all of them have theirs (or a merged file spans them).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.errors import InputError
from zap.events.archive_files import HOME, current, merged, span_of
from zap.events.archive_rows import SCHEMA, stored_columns
from zap.events.files import reading, unreadable

COMMIT = f"{HOME}/commit.json"
SEQUENCE = "sequence"
TRIES = 3


class Group(NamedTuple):
    """A row group of a file, with the numbers that it may hold."""

    first: int
    next: int
    path: str
    number: int


@dataclass(frozen=True)
class Chunk:
    """The rows of some numbers.

    Attributes:
        first: the first number.
        next: the number after the last one; some may have no row.
        rows: in the archive's schema, ascending by number.
    """

    first: int
    next: int
    rows: pa.RecordBatch


class ArchiveTail:
    """Reads what an archive has from a number on.

    Args:
        root: its folder, local or of a filesystem that fsspec knows. A copy needs the
            file ``.zap/commit.json``, copied after the others.
        columns: columns of ``zap.events.archive_rows.SCHEMA``, or keys in ``data``.

    Example:
        ``for chunk in ArchiveTail("archive", ["type"]).chunks(0, 100_000): ...``
    """

    def __init__(self, root: str, columns: Sequence[str]):
        self._files, self._root = fsspec.core.url_to_fs(root)
        self._root = self._root.rstrip("/")
        self.root = root
        self._columns = [*dict.fromkeys((*stored_columns(columns), SEQUENCE))]
        self._groups: dict[str, list[Group]] = {}

    def committed(self) -> tuple[int, float]:
        """The number below which all is there, and when that became so (Unix time).

        Of an archive that has just been begun it is 0, and now.

        Raises:
            InputError: there is no archive, or its commit can't be understood.
        """
        path = f"{self._root}/{COMMIT}"
        try:
            with reading(path):
                changed = _changed(self._files, path)
                record = json.loads(self._files.cat_file(path))
            position = int(record["position"])
            moves = [f"{self._root}/{place}" for _, place in record["moves"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_archive(f"{path}: {error}") from error
        except InputError as error:
            if self._files.exists(f"{self._root}/{HOME}"):
                return 0, time.time()
            raise self._no_archive(str(error)) from error
        files = [path for path in moves if path.endswith(".parquet")]
        return min([position, *self._missing(files)]), changed

    def _missing(self, files: Sequence[str]) -> Iterator[int]:
        """The first numbers of those files that are not there yet."""
        for path in files:
            if self._files.exists(path):
                continue
            folder = path.rpartition("/")[0]
            there = _listed(self._files, folder)
            if path not in merged([*there, path]):
                span = span_of(path)
                assert span is not None, path
                yield span[0]

    def chunks(self, position: int, most_rows: int) -> Iterator[Chunk]:
        """All that is there from a position on.

        Args:
            position: the first number wanted.
            most_rows: about how many rows a chunk may have; a row group at least.

        Raises:
            InputError: a file can't be read, or there is no archive.
        """
        end, _ = self.committed()
        while position < end:
            chunk = self._chunk(position, end, most_rows)
            yield chunk
            position = chunk.next

    def _chunk(self, position: int, end: int, most_rows: int) -> Chunk:
        for attempt in range(TRIES):
            try:
                return self._read(position, end, most_rows)
            except FileNotFoundError:
                # Merged, and removed since it was listed.
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _read(self, position: int, end: int, most_rows: int) -> Chunk:
        groups = sorted(self._current(position, end))
        rows, next_ = 0, end
        parts: list[pa.Table] = []
        for group in groups:
            if rows >= most_rows and group.first > position:
                next_ = min(next_, group.first)
                break
            table = _within(self._table(group), position, end)
            rows += table.num_rows
            parts.append(table)
        if not parts:
            return Chunk(position, next_, self._empty())
        table = pa.concat_tables(parts, promote_options="permissive")
        if next_ < end:
            table = _within(table, position, next_)
        return Chunk(position, next_, _in_order(table) or self._empty())

    def _current(self, position: int, end: int) -> Iterator[Group]:
        """The row groups that may hold numbers of a span."""
        listed = _listed(self._files, self._root)
        for path in current(listed):
            span = span_of(path)
            if span is None or span[1] <= position or span[0] >= end:
                continue
            for group in self._groups_of(path):
                if group.next > position and group.first < end:
                    yield group

    def _groups_of(self, path: str) -> list[Group]:
        """The row groups of a file; files of one name hold the same numbers."""
        found = self._groups.get(path)
        if found is None:
            with _damage(path), self._files.open(path, "rb") as file:
                found = list(_groups(path, pq.ParquetFile(file).metadata))
            if len(self._groups) > 10_000:
                self._groups.clear()
            self._groups[path] = found
        return found

    def _table(self, group: Group) -> pa.Table:
        with _damage(group.path), self._files.open(group.path, "rb") as file:
            parquet = pq.ParquetFile(file)
            return parquet.read_row_group(
                group.number, columns=self._columns, use_threads=False
            )

    def _empty(self) -> pa.RecordBatch:
        fields = [SCHEMA.field(name) for name in self._columns]
        return pa.RecordBatch.from_pylist([], schema=pa.schema(fields))

    def _no_archive(self, why: str) -> InputError:
        return InputError(
            "Expected the folder of an archive that zap collect writes, with its last "
            f"commit ({COMMIT}). Received: input={self.root} ({why}). Correct the "
            "path; of a copy, copy that file too, after the others."
        )


def _listed(files: Any, folder: str) -> list[str]:
    """The Parquet files below a folder, but for the archive's own notes."""
    files.invalidate_cache()
    return [
        path
        for path in files.find(folder)
        if path.endswith(".parquet") and f"/{HOME}/" not in path
    ]


def _groups(path: str, metadata: pq.FileMetaData) -> Iterator[Group]:
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    place = names.index(SEQUENCE)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        told = group.column(place).statistics
        if group.num_rows and told is not None and told.has_min_max:
            yield Group(told.min, told.max + 1, path, number)
        elif group.num_rows:
            span = span_of(path)
            assert span is not None, path
            yield Group(span[0], span[1], path, number)


def _within(table: pa.Table, first: int, next_: int) -> pa.Table:
    column = table.column(SEQUENCE)
    mask = pc.and_(pc.greater_equal(column, first), pc.less(column, next_))
    return table.filter(mask)


def _in_order(table: pa.Table) -> pa.RecordBatch | None:
    """The rows by number, each once; None of none.

    Files overlap where a damaged one was made again.
    """
    numbers = table.column(SEQUENCE).to_numpy()
    _, places = np.unique(numbers, return_index=True)
    batches = table.take(pa.array(places)).combine_chunks().to_batches()
    return batches[0] if batches else None


def _changed(files: Any, path: str) -> float:
    """When a file was changed; now where its filesystem does not say."""
    try:
        return float(files.modified(path).timestamp())
    except NotImplementedError:
        return time.time()


@contextmanager
def _damage(path: str) -> Iterator[None]:
    """As ``reading``, but for a file that is gone."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(path, error) from error

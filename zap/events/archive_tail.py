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
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from zap.errors import InputError
from zap.events.archive_files import HOME, current, files_below, merged, span_of
from zap.events.archive_groups import (
    SEQUENCE,
    Group,
    damage,
    groups_in,
    in_order,
    within,
)
from zap.events.archive_rows import SCHEMA, stored_columns
from zap.events.files import reading

COMMIT = f"{HOME}/commit.json"
TRIES = 3


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
            there = files_below(self._files, folder)
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
            table = within(self._table(group), position, end)
            rows += table.num_rows
            parts.append(table)
        if not parts:
            return Chunk(position, next_, self._empty())
        table = pa.concat_tables(parts, promote_options="permissive")
        if next_ < end:
            table = within(table, position, next_)
        return Chunk(position, next_, in_order(table) or self._empty())

    def _current(self, position: int, end: int) -> Iterator[Group]:
        """The row groups that may hold numbers of a span."""
        listed = files_below(self._files, self._root)
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
            with damage(path), self._files.open(path, "rb") as file:
                found = list(groups_in(path, pq.ParquetFile(file).metadata))
            if len(self._groups) > 10_000:
                self._groups.clear()
            self._groups[path] = found
        return found

    def _table(self, group: Group) -> pa.Table:
        with damage(group.path), self._files.open(group.path, "rb") as file:
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


def _changed(files: Any, path: str) -> float:
    """When a file was changed; now where its filesystem does not say."""
    try:
        return float(files.modified(path).timestamp())
    except NotImplementedError:
        return time.time()

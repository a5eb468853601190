"""Predictions as one Parquet file a day: ``ROOT/day=2026-01-31/predictions.parquet``.

One file, since one file is what any disk and any object store can replace in one step:
whoever lists the folder finds the former rows or the new ones, whole, and needs no
manifest to tell which files count. Parts wait as Arrow files in the run's own folder;
putting them together is bound by compression and takes seconds for millions of rows.
Rows lie in the order of the subjects' hashes, whatever the number of parts, so that a
run with other workers writes the same bytes.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from zap.datasets.publishing import sync
from zap.datasets.stores import check_writable
from zap.datasets.writing import writing, written
from zap.errors import InputError
from zap.scoring.rows import SCHEMA
from zap.scoring.staging import LETTERS, Staging, is_local, keep_letters

FILE, DAY = "predictions.parquet", "day"
STORED = pa.schema([field for field in SCHEMA if field.name != DAY])
"""The columns of a file. Its folder tells the day, and readers of such folders refuse
or shadow a column of that name."""

ROW_GROUP = 131_072
_MADE_BY = b"zap.predictions"
_COMPRESSION = pa.ipc.IpcWriteOptions(compression="lz4")


class ParquetOutput:
    """A folder of days, of one application.

    Args:
        root: a local folder or a URL of a store that fsspec knows.
    """

    def __init__(self, root: str):
        files, where = fsspec.core.url_to_fs(root)
        # Workers may run elsewhere on this machine: a local path is a whole one.
        self.root = str(where if is_local(files) else root).rstrip("/")
        self._staging = Staging(self.root)
        self._application = ""
        self.folder = self._staging.path

    def begin(self, application: str, days: Sequence[date]) -> None:
        """See ``Output.begin``."""
        self._application = application
        check_writable(self.root)
        for day in days:
            self._check_free(day)
        self._staging.begin()

    def part(self, name: str, batches: Iterable[pa.RecordBatch]) -> Mapping[str, Any]:
        """See ``Output.part``: each call writes a file of its own."""
        path = f"{self.folder}/{name}-{uuid.uuid4().hex[:8]}.arrow"
        rows = 0
        with (
            written(path) as file,
            pa.ipc.new_stream(file, SCHEMA, options=_COMPRESSION) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        return {"name": name, "path": path, "rows": rows}

    def publish(
        self, day: date, parts: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """See ``Output.publish``."""
        path = self.path(day)
        files, where = fsspec.core.url_to_fs(path)
        if is_local(files):
            made = f"{self.folder}/{day}.parquet"
            rows = self._write(made, parts)
            size = os.path.getsize(made)
            _place(Path(made), Path(where))
        else:
            # Sent from a file that is whole: a stream that breaks off might be taken
            # for one that has ended.
            with tempfile.TemporaryDirectory(prefix="zap-") as folder:
                made = f"{folder}/{FILE}"
                rows = self._write(made, parts)
                size = os.path.getsize(made)
                with writing(path):
                    files.put_file(made, where)
        return {"day": str(day), "path": path, "rows": rows, "bytes": size}

    def path(self, day: date) -> str:
        """The file of a day."""
        return f"{self.root}/day={day}/{FILE}"

    def keep_letters(self, day: date) -> str | None:
        """See ``Output.keep_letters``."""
        return keep_letters(self.folder, f"{self.root}/_{LETTERS}/day={day}")

    def end(self) -> None:
        """See ``Output.end``."""
        self._staging.end()

    def _write(self, path: str, parts: Sequence[Mapping[str, Any]]) -> int:
        """Parts as one file of row groups of one size; the number of rows."""
        schema = STORED.with_metadata({_MADE_BY: self._made_by()})
        rows = 0
        with (
            writing(path),
            pq.ParquetWriter(path, schema, compression="zstd") as writer,
        ):
            for table in in_groups(_batches(parts), ROW_GROUP):
                writer.write_table(table.drop_columns([DAY]), row_group_size=ROW_GROUP)
                rows += table.num_rows
        return rows

    def _made_by(self) -> bytes:
        return json.dumps({"application": self._application}).encode()

    def _check_free(self, day: date) -> None:
        """Only predictions of this application are ever replaced."""
        path = self.path(day)
        files, where = fsspec.core.url_to_fs(path)
        if not files.exists(where):
            return
        try:
            with files.open(where, "rb") as file:
                there = (pq.read_schema(file).metadata or {}).get(_MADE_BY)
        except pa.ArrowInvalid:
            there = None
        if there != self._made_by():
            whose = "of something else"
            if there is not None:
                whose = f"of the application {json.loads(there)['application']!r}"
            raise InputError(
                f"Expected an output for {self._application!r} alone. Received: "
                f"output={self.root}, where {path} is {whose}. Choose another folder: "
                "each application has its own."
            )


def in_groups(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches cut anew, into tables of ``rows`` rows each and one of what is left."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.num_rows
        while size >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows).combine_chunks()
            held, size = table.slice(rows).to_batches(), size - rows
    if size:
        yield pa.Table.from_batches(held).combine_chunks()


def _batches(parts: Sequence[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    for part in parts:
        with (
            fsspec.open(part["path"], "rb") as file,
            pa.ipc.open_stream(file) as reader,
        ):
            yield from reader


def _place(made: Path, final: Path) -> None:
    """Give a file its name, in one step, once all of it is on the disk."""
    with writing(str(final)):
        final.parent.mkdir(parents=True, exist_ok=True)
        sync(made)
        os.replace(made, final)
        sync(final.parent)

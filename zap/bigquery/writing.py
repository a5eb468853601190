"""Rows and files into a table: the shortest way there is for each.

Files in Cloud Storage are loaded from where they lie, as the service reads them by
itself. All others are put together into one file that is sent along with the job: a
load takes one such file, and a day must come in one load to be replaced in one step.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import file_digest, sha256
from typing import IO, TYPE_CHECKING, Any

from zap.bigquery.client import billed_project, rest_client
from zap.bigquery.destination import TableSpec, ensure_table
from zap.bigquery.job_names import Load
from zap.bigquery.loads import Loaded, load_file, load_uris
from zap.bigquery.names import TableName
from zap.bigquery.places import BUCKET
from zap.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 65_536
_GROUP_ROWS = 131_072
_CHECKSUMS = ("crc32c", "md5Hash", "ETag", "etag", "generation", "mtime")


@dataclass(frozen=True)
class TableWriter:
    """Writes rows of one kind into one table; made and checked at each write.

    Attributes:
        name: of the table.
        spec: what it is like.
    """

    name: TableName
    spec: TableSpec

    def check(self) -> None:
        """Make the table if it is missing, before there is anything to write.

        Raises:
            BigQueryError: it can't be written.
        """
        self._table()

    def write_files(
        self,
        paths: Sequence[str],
        day: date | None,
        rows: int | None = None,
        content: str | None = None,
    ) -> Loaded:
        """Write Parquet files: as one day, in place of its rows, or added to the table.

        Args:
            paths: of files that fsspec knows; at least one.
            day: the partition to replace; None adds them.
            rows: how many there are, if that is known.
            content: a digest of them, if that is known.

        Raises:
            BigQueryError: the table or the service refuses.
            InputError: a file can't be read.
        """
        if not all(path.startswith(BUCKET) for path in paths):
            rows_there = batches_of(paths, self.spec.schema)
            return self.write_batches(rows_there, day, content)
        client, table = self._table()
        counted = rows_of(paths) if rows is None else rows
        load = Load(self.name, counted, content or content_of(paths), day)
        return load_uris(client, table, load, paths)

    def write_batches(
        self,
        batches: Iterable[pa.RecordBatch],
        day: date | None,
        content: str | None = None,
    ) -> Loaded:
        """Write rows: as one day, in place of its rows, or added to the table.

        Args:
            batches: of the spec's schema.
            day: the partition to replace; None adds them.
            content: a digest of them, where rows that differ may be the same.

        Raises:
            BigQueryError: the table or the service refuses.
        """
        client, table = self._table()
        with tempfile.TemporaryFile(prefix="zap-") as file:
            rows = write_parquet(batches, self.spec.schema, file)
            file.seek(0)
            known = content or file_digest(file, "sha256").hexdigest()
            return load_file(client, table, Load(self.name, rows, known, day), file)

    def _table(self) -> tuple[Any, Any]:
        client = rest_client(billed_project(self.name.project))
        return client, ensure_table(client, self.name, self.spec)


def write_parquet(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, file: IO[bytes]
) -> int:
    """Write rows as Parquet; the same rows give the same bytes.

    Args:
        batches: of any sizes.
        schema: theirs.
        file: open for writing.

    Returns:
        How many rows there are.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, held = 0, 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def put() -> None:
            writer.write_table(pa.Table.from_batches(waiting, schema))

        for batch in batches:
            while batch.num_rows:
                part = batch.slice(0, _GROUP_ROWS - held)
                batch = batch.slice(part.num_rows)
                waiting.append(part)
                rows, held = rows + part.num_rows, held + part.num_rows
                if held == _GROUP_ROWS:
                    put()
                    waiting, held = [], 0
        if waiting:
            put()
    return rows


def batches_of(paths: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of Parquet files, one file after another, with the columns of a schema.

    Raises:
        InputError: a file can't be read, or has other columns.
    """
    for path in paths:
        with _opened(path) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=schema.names):
                yield batch.select(schema.names).cast(schema)


def rows_of(paths: Sequence[str]) -> int:
    """How many rows Parquet files have, by what stands at their ends."""
    total = 0
    for path in paths:
        with _opened(path) as parquet:
            total += parquet.metadata.num_rows
    return total


def content_of(paths: Sequence[str]) -> str:
    """A digest of files by what their store knows of them: size and checksum.

    Their places count by the last name only, so that files that two runs staged apart
    are the same if they hold the same.
    """
    import fsspec

    known = []
    for path in paths:
        files, where = fsspec.core.url_to_fs(path)
        info = files.info(where)
        sums = [str(info[name]) for name in _CHECKSUMS if name in info][:1]
        known.append([path.rpartition("/")[2], info["size"], *sums])
    return sha256(json.dumps(sorted(known)).encode()).hexdigest()


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """A Parquet file of any store, with errors that name it."""
    import fsspec
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with fsspec.open(path, "rb") as file:
            yield pq.ParquetFile(file)
    except (OSError, pa.ArrowException, KeyError) as problem:
        raise InputError(
            f"Expected a Parquet file that can be read. Received: path={path!r}: "
            f"{problem}. Look whether it is whole, and is still there."
        ) from problem

"""Small files of the archive made into few, beside writers and readers.

A merged file appears under a name that spans those it was made of
(``zap.events.archive_files``), which stay for a while: readers who have listed them
read them to the end. Then they are removed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zap.collect.archive.locks import CHANGES, REWRITES, held
from zap.collect.archive.merging import FEWEST, to_merge
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.partitions import day_in, folders, writer_to
from zap.datasets.publishing import sync
from zap.events.archive_files import HOME, current, file_name, merged, span_of

GROUP_ROWS, GROUP_BYTES = 131_072, 64 << 20
MERGED = "merged"


class Tidying:
    """Merges the files of an archive.

    Args:
        root: the archive's folder.
        options: when, and what stays how long.
    """

    def __init__(self, root: Path, options: ArchiveOptions):
        self._root, self._home, self._options = root, root / HOME, options
        self._settled: dict[Path, tuple[int, int]] = {}

    def once(self, stop: threading.Event) -> int:
        """Look through the folders that have changed; how many files were merged.

        Args:
            stop: once it is set, no other folder is begun.

        Raises:
            OSError: the disk refuses, or a file is damaged. What was there still is,
                and the other folders were looked through.
        """
        count = 0
        failed: str | None = None
        there = [*folders(self._root)]
        newest = max(map(day_in, there), default=None)
        for folder in there:
            if stop.is_set():
                break
            fewest = FEWEST if day_in(folder) == newest else 2
            state = folder.stat().st_mtime_ns, fewest
            if self._settled.get(folder) == state:
                continue
            try:
                found, waiting = self._in_folder(folder, fewest)
            except (OSError, pa.ArrowException) as error:
                failed = f"{folder}, {type(error).__name__}: {error}"
                continue
            count += found
            if not found and not waiting:
                self._settled[folder] = state
        if failed is not None:
            raise OSError(failed)
        return count

    def _in_folder(self, folder: Path, fewest: int) -> tuple[int, bool]:
        """Files that were merged, and whether some wait for their removal."""
        with held(self._home / REWRITES):
            with held(self._home / CHANGES):
                paths = sorted(str(path) for path in folder.glob("*.parquet"))
            waiting = [
                path
                for path, whole in merged(paths).items()
                if not self._removed(Path(path), Path(whole))
            ]
            files = [Path(path) for path in current(paths)]
            sizes = [path.stat().st_size for path in files]
            old = to_merge(files, sizes, self._options.most_bytes, fewest)
            if old:
                merge_files(old, self._home / MERGED)
        return len(old), bool(waiting)

    def _removed(self, path: Path, whole: Path) -> bool:
        """Remove a file that was merged long enough ago."""
        age_s = time.time() - whole.stat().st_mtime
        if age_s < self._options.keep_merged_s:
            return False
        path.unlink()
        return True


def merge_files(files: Sequence[Path], made: Path) -> Path:
    """Make one file of neighbours in a folder, with the same rows in the same order.

    Args:
        files: in order.
        made: where to write it at first.

    Returns:
        Its place; those that it is made of are still there.

    Raises:
        OSError: the disk refuses.
    """
    first, last = span_of(files[0].name), span_of(files[-1].name)
    assert first and last, files
    path = files[0].with_name(file_name(first[0], last[1]))
    with made.open("wb") as file, writer_to(file) as to:
        for table in _row_groups(files):
            to.write_table(table)
    sync(made)
    made.replace(path)
    sync(path.parent)
    return path


def _row_groups(files: Sequence[Path]) -> Iterator[pa.Table]:
    """Tables that fit into memory, each to become a row group."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for path in files:
        with pq.ParquetFile(path) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, use_threads=False)
                waiting.append(table)
                rows, size = rows + table.num_rows, size + table.nbytes
                if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                    yield pa.concat_tables(waiting)
                    waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)

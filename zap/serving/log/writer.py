"""One application's active file: groups of lines, each in one call.

A group is written whole or its whole lines alone: where the disk is full in the middle
of a line, that line is cut off again, and those before it stay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from zap.datasets.publishing import sync
from zap.serving.log.files import SLACK_US, create, is_at, locked
from zap.serving.log.options import LogOptions


class Writer:
    """Appends to the files of one application. For one thread.

    Args:
        folder: the application's.
        options: when to begin a new file, and whether to sync.
    """

    def __init__(self, folder: Path, options: LogOptions):
        self._folder = folder
        self._options = options
        self._path: Path | None = None
        self._file = -1
        self._begun_us = self._latest_us = 0
        self._full = False

    def write(self, lines: Sequence[bytes], times: Sequence[int]) -> int:
        """Append lines in their order.

        Args:
            lines: each with its end.
            times: the time of each entry, in microseconds.

        Returns:
            How many are in the log: fewer than given where the disk took no more.

        Raises:
            OSError: the disk took none.
        """
        first = min(times)
        for _ in range(3):
            if self._path is None or self._full or self._too_old(first):
                self._begin(first)
            assert self._path is not None
            written = self._try(lines)
            if written is not None:
                self._latest_us = max(self._latest_us, *times[:written])
                if self._full:
                    self.close()
                return written
            self.close()
        raise BlockingIOError(f"each new file in {self._folder} is locked by another")

    def _try(self, lines: Sequence[bytes]) -> int | None:
        """Append, unless somebody forgets a subject in the file, or has."""
        assert self._path is not None
        with locked(self._file, wait=False) as ours:
            if not ours:
                return None
            here = os.fstat(self._file)
            return (
                self._append(lines, here.st_size) if is_at(self._path, here) else None
            )

    def _append(self, lines: Sequence[bytes], size: int) -> int:
        group = b"".join(lines)
        done, problem = _written(self._file, group)
        written = len(lines)
        if problem is not None:
            whole = group.rfind(b"\n", 0, done) + 1
            written = group.count(b"\n", 0, whole)
            if whole < done:
                self._cut(size + whole)
            if not written:
                raise problem
        if self._options.sync == "batch":
            os.fdatasync(self._file)
        self._full |= size + done >= self._options.max_bytes
        return written

    def _cut(self, size: int) -> None:
        """Take off half a line; a file that can't be cut is left, with a torn end."""
        try:
            os.ftruncate(self._file, size)
        except OSError:
            self._full = True

    def _too_old(self, first: int) -> bool:
        age_us = first - self._begun_us
        return (
            age_us >= self._options.max_age_s * 1_000_000
            or first < self._latest_us - SLACK_US
        )

    def _begin(self, time_us: int) -> None:
        self.close()
        self._path, self._file = create(self._folder, time_us)
        if self._options.sync == "batch":
            sync(self._folder)  # or a loss of power takes the file by its name
        self._begun_us = self._latest_us = time_us
        self._full = False

    def close(self) -> None:
        """End the file; the next line begins another."""
        if self._file >= 0:
            os.close(self._file)
        self._path, self._file = None, -1


def _written(descriptor: int, group: bytes) -> tuple[int, OSError | None]:
    """Write until all is, or the disk refuses; how many bytes are, and why no more."""
    done, view = 0, memoryview(group)
    while done < len(group):
        try:
            done += os.write(descriptor, view[done:])
        except OSError as error:
            return done, error
    return done, None

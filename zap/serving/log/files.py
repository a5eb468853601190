"""The files of a log: their names, their ends, and who may touch them.

Each application has a folder, each process its own files in it, which only grow. A file
is changed otherwise by two alone: who opens a log cuts off torn ends, and who forgets
a subject puts another file in its place. Both hold the file's lock, which a writer
takes for each group of lines: one that does not get it begins a new file.
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zap.serving.log.entry import MAX_LINE_BYTES

SUFFIX = ".jsonl"
SLACK_US = 60_000_000
"""How much earlier than one before it in its file an entry may be."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMP = "%Y%m%dT%H%M%S"


def create(folder: Path, time_us: int) -> tuple[Path, int]:
    """A new file of this process, open for appending.

    Args:
        folder: the application's.
        time_us: the time of its first entry.

    Raises:
        OSError: the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = (_EPOCH + timedelta(microseconds=time_us)).strftime(_STAMP)
    number = 0
    while True:
        path = folder / f"{stamp}-{os.getpid()}-{number}{SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return path, os.open(path, flags, 0o640)
        except FileExistsError:
            number += 1


def files_of(folder: Path) -> list[Path]:
    """The files of an application, those that began first in front."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names) if not name.startswith(".")]


def folders_of(root: Path) -> list[Path]:
    """The folders of a log's applications."""
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != ".")


def is_at(path: Path, opened: os.stat_result) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, opened)


class locked:
    """The file's lock; false at once where another has it and one may not wait.

    A class, as a generator for ``with`` would take longer than the lock.
    """

    __slots__ = ("_descriptor", "_ours", "_wait")

    def __init__(self, descriptor: int, wait: bool):
        self._descriptor, self._wait = descriptor, wait

    def __enter__(self) -> bool:
        how = fcntl.LOCK_EX if self._wait else fcntl.LOCK_EX | fcntl.LOCK_NB
        try:
            fcntl.flock(self._descriptor, how)
        except BlockingIOError:
            self._ours = False
        else:
            self._ours = True
        return self._ours

    def __exit__(self, *error: object) -> None:
        if self._ours:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def repair(path: Path) -> bool:
    """Cut off what stands after a file's last whole line.

    A line without its end was never acknowledged. A file that another process is
    writing to, or changing, is left alone: it is whole, or will be.

    Returns:
        Whether there was anything to cut off.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        with locked(descriptor, wait=False) as ours:
            size = os.fstat(descriptor).st_size
            if not ours or not size or os.pread(descriptor, 1, size - 1) == b"\n":
                return False
            os.ftruncate(descriptor, end_of_lines(descriptor, size))
            return True
    finally:
        os.close(descriptor)


def end_of_lines(descriptor: int, size: int) -> int:
    """Where the last whole line of a file of that size ends; 0 if it has none."""
    stop = size
    while stop:
        start = max(0, stop - MAX_LINE_BYTES)
        place = os.pread(descriptor, stop - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        stop = start
    return 0

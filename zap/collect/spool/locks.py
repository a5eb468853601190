"""Who may change a spool: one process writes to its end, one removes what is old.

Both locks are the system's, so that they end with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zap.collect.spool.options import SpoolTaken

WRITER = "lock"
CHANGER = "changing"


def take_writer(folder: Path) -> int | None:
    """The writer's lock: an open file, to be closed; None where another has it.

    Raises:
        OSError: the file can't be made.
    """
    file = _opened(folder / WRITER)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def writer_of(folder: Path) -> int:
    """The writer's lock.

    Raises:
        OSError: the file can't be made.
        SpoolTaken: another process has it.
    """
    file = take_writer(folder)
    if file is None:
        raise SpoolTaken(
            "Expected a spool that no other process writes to. Received: "
            f"spool={folder}, which has a writer. Stop it, or name another folder."
        )
    return file


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Be the only one who removes or replaces segments; waits for others.

    Raises:
        OSError: the file can't be made.
    """
    file = _opened(folder / CHANGER)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

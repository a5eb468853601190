"""Locks of an archive, between processes and between threads.

``writer.lock`` belongs to the one process that writes, as long as it does.
``changes.lock`` is held while files appear, so that whoever lists under it sees all
files of a commit or none. ``rewrites.lock`` is held while files are made of files: one
that merges must not bring back what one that forgets has taken out.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zap.datasets.claim import NO_LOCKS
from zap.errors import CollectError

WRITER, CHANGES, REWRITES = "writer.lock", "changes.lock", "rewrites.lock"


@contextmanager
def held(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold a lock; where the file system has none, nothing is held.

    Args:
        path: of its file, which is made.
        wait: for another who holds it.

    Raises:
        CollectError: another one holds it.
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _lock(descriptor, path, wait)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise CollectError(
            "Expected an archive that no other process writes. Received: "
            f"archive={path.parent.parent}. Stop the other delivery, or choose "
            "another folder."
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise

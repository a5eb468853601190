"""A finished folder gets its name, in one step where the file system can.

Before it does, all of it is on the disk: a name that survives a power cut must not
stand for files that did not. Where a dataset is replaced, both folders exchange their
names in one step of the kernel (Linux, on most local file systems), so that at every
moment one whole dataset is there. Elsewhere the old one steps aside first; should the
run be killed in that moment, the next one puts it back (`Claim.recover`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zap.datasets.claim import remove_folder

UNFINISHED = ".unfinished"
"""How the name of a file ends that is being written, or whose writer was killed."""

SYNCING = 16
"""Files synced at once. A journal takes many in one commit, so it is not by cores."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}


def sync_tree(folder: Path) -> None:
    """Bring all files and folders below to the disk.

    Raises:
        OSError: the disk is full, or fails.
    """
    with ThreadPoolExecutor(SYNCING) as threads:
        for _ in threads.map(sync, _below(folder)):
            pass
    sync(folder)


def remove_unfinished(folder: Path) -> None:
    """Remove what workers left below a folder that were killed while they wrote."""
    for path in _below(folder):
        if path.endswith(UNFINISHED):
            with contextlib.suppress(FileNotFoundError):  # its writer is not dead yet
                os.remove(path)


def _below(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        yield from (os.path.join(root, name) for name in (*files, *folders))


def sync(path: str | Path) -> None:
    """Bring a file, or the names in a folder, to the disk, where it can be asked to.

    Raises:
        OSError: the disk is full, or fails.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(file)


def place(made: Path, final: Path) -> bool:
    """Give a folder a name that is free, or that of an empty folder.

    Returns:
        False, and nothing done, if something is there.

    Raises:
        OSError: the name cannot be given.
    """
    try:
        os.rename(made, final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def replace_folder(made: Path, final: Path) -> None:
    """Give a folder the name of another, which is removed.

    Raises:
        OSError: the names cannot be given; then the old folder still has its own.
    """
    if exchange(made, final):
        old = made
    else:
        old = made.with_name(f"{made.name}.old")
        os.rename(final, old)
        try:
            os.rename(made, final)
        except OSError:
            os.rename(old, final)
            raise
    sync(final.parent)
    remove_folder(old)


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step.

    Returns:
        False, and nothing done, if the system or the file system cannot.

    Raises:
        OSError: it can, but not these two.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = [os.fsencode(one), os.fsencode(other)]
    if not rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        return True
    error = ctypes.get_errno()
    if error in _CANNOT:
        return False
    raise OSError(error, os.strerror(error), str(one), None, str(other))

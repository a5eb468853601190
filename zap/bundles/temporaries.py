"""Names of what is being written, and an end to what the dead left under them.

To create needs no lock: a ``.tmp`` whose name is taken belongs to a process that is
dead or has lost, so whoever creates next in the folder removes it, and its owner, if it
is alive, is told that the name is taken.

Of a replacement the name is always taken, which says nothing. So it is a ``.new``, and
who replaces holds a lock on the folder, which the kernel lets go of however a process
ends: under the lock, every other ``.new`` of the same name was left by the dead.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zap.datasets.claim import NO_LOCKS

CREATED, REPLACED = "tmp", "new"
_CREATION = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{12}}\.{CREATED}")
_REPLACEMENT = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{12}}\.{REPLACED}(\.old)?")
# NFS locks by ranges, for which a folder would have to be open for writing.
_CANNOT_LOCK = {*NO_LOCKS, errno.EBADF}


def temporary_of(target: Path, ending: str) -> Path:
    """A name beside a target that nobody has used.

    Args:
        target: what it is to become.
        ending: ``CREATED`` or ``REPLACED``.
    """
    return target.with_name(f".{target.name}.{secrets.token_hex(6)}.{ending}")


@contextmanager
def replacing(target: Path) -> Iterator[None]:
    """Be the only one who replaces in the folder; then clear up after the dead.

    What they left of this target goes once there is a new one, not before: it may be
    the old folder, where names cannot be exchanged. Without locks it stays, as nobody
    can tell whether its owner is alive.

    Raises:
        OSError: the folder is not there, or cannot be read.
    """
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        alone = _locked(folder)
        yield
        if alone:
            _remove(_replacements(target))
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in _CANNOT_LOCK:
            return False
        raise
    return True


def clear_after_creation(target: Path) -> None:
    """Remove what the dead left of creations in the folder, and of this target."""
    folder = target.parent
    _remove(
        folder / name
        for name in os.listdir(folder)
        if (found := _CREATION.fullmatch(name)) and (folder / found["name"]).exists()
    )
    if _replacements(target):
        with replacing(target):
            pass  # it clears


def _replacements(target: Path) -> list[Path]:
    """Temporary files and folders of those who replace a target, dead or alive."""
    return [
        target.with_name(name)
        for name in os.listdir(target.parent)
        if (found := _REPLACEMENT.fullmatch(name)) and found["name"] == target.name
    ]


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()

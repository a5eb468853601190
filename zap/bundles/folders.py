"""Files and folders of a local disk that appear whole or not at all.

Each is written under a random hidden name beside its own, synced, and then given its
name in one step. A temporary file whose name is taken belongs to a process that is dead
or has lost: it is removed by whoever comes next, and its owner, if it is alive, is told
that the name is taken. So nothing needs a lock, and a kill leaves nothing for long.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from zap.datasets.publishing import place, replace_folder, sync

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.tmp")


def create_file(target: Path, content: bytes, mode: int = 0o666) -> bool:
    """Make a file where none is, in one step.

    Args:
        target: its path.
        content: what it holds.
        mode: who may do what with it, before the process's mask.

    Returns:
        False, and nothing done, if there is one.

    Raises:
        OSError: the disk refuses, or its file system has no hard links.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    try:
        write_file(temporary, content, mode)
        os.link(temporary, target)
    except FileExistsError:
        return False
    except FileNotFoundError:
        if not target.exists():
            raise
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(target.parent)
    clear_dead(target.parent)
    return True


def replace_file(target: Path, content: bytes) -> None:
    """Make a file, or put another content in its place, in one step.

    Raises:
        OSError: the disk refuses.
    """
    temporary = _temporary(target)
    try:
        write_file(temporary, content)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    sync(target.parent)


def create_folder(target: Path, contents: Mapping[str, bytes]) -> bool:
    """Make a folder of files where none is, in one step.

    Returns:
        False, and nothing done, if there is one.

    Raises:
        OSError: the disk refuses.
    """
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    try:
        _write_folder(temporary, contents)
        if not place(temporary, target):
            return False
    except FileNotFoundError:
        if not target.exists():
            raise
        return False
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync(target.parent)
    clear_dead(target.parent)
    return True


def put_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Put a folder of files in the place of the folder there; all old or all new.

    Raises:
        OSError: the disk refuses; what was there still is.
    """
    temporary = _temporary(target)
    try:
        _write_folder(temporary, contents)
        replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear_dead(folder: Path) -> None:
    """Remove temporary files and folders whose names are taken."""
    for entry in list(os.scandir(folder)):
        found = _TEMPORARY.fullmatch(entry.name)
        if found is None or not (folder / found["name"]).exists():
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with suppress(OSError):
                os.unlink(entry.path)


def write_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file and bring it to the disk.

    Raises:
        OSError: the disk refuses.
    """
    with open(
        path, "wb", opener=lambda name, flags: os.open(name, flags, mode)
    ) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in contents.items():
        write_file(folder / name, content)
    sync(folder)


def _temporary(target: Path) -> Path:
    return target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"

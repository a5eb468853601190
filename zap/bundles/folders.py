"""Files and folders of a local disk that appear whole or not at all.

Each is written under a random hidden name beside its own, synced, and then given its
name in one step. What a kill leaves, the next one clears (`zap.bundles.temporaries`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from zap.bundles.temporaries import (
    CREATED,
    REPLACED,
    clear_after_creation,
    replacing,
    temporary_of,
)
from zap.datasets.publishing import place, replace_folder, sync


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
    temporary = temporary_of(target, CREATED)
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
    clear_after_creation(target)
    return True


def replace_file(target: Path, content: bytes, mode: int = 0o666) -> None:
    """Make a file, or put another content in its place, in one step.

    Args:
        target: its path.
        content: what it holds.
        mode: who may do what with it, before the process's mask.

    Raises:
        OSError: the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target):
        temporary = temporary_of(target, REPLACED)
        try:
            write_file(temporary, content, mode)
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
    temporary = temporary_of(target, CREATED)
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
    clear_after_creation(target)
    return True


def put_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Put a folder of files in the place of the folder there; all old or all new.

    Raises:
        OSError: the disk refuses; what was there still is.
    """
    with replacing(target):
        temporary = temporary_of(target, REPLACED)
        try:
            _write_folder(temporary, contents)
            replace_folder(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


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

"""One subject taken out of a log, while servers write to it.

Its lines go whole: the id of a prediction, its moment and the hashes of its events all
lead back to whoever has the events. A file that held any is written again without them
and put in its place; a server that was writing to it goes on in a new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zap.datasets.publishing import sync
from zap.errors import LogError
from zap.serving.log.entry import MAX_LINE_BYTES, entry_of
from zap.serving.log.files import files_of, folders_of, locked

_PASSES = 10
_TEMPORARY = ".forgetting"


def forget(folder: str | Path, keyed_subject: str) -> int:
    """Take out every line of a subject. May be run again at any time.

    Args:
        folder: of the log.
        keyed_subject: its name; see ``zap.encoding.subject_names``.

    Returns:
        How many lines were taken out.

    Raises:
        LogError: a file can't be read or replaced; those before it are done.
    """
    sought = f'"subject":"{keyed_subject}"'.encode()
    removed = 0
    for place in folders_of(Path(folder)):
        removed += _in_application(place, keyed_subject, sought)
    return removed


def _in_application(place: Path, keyed_subject: str, sought: bytes) -> int:
    """Go through the files until none has grown by a line of the subject."""
    removed = 0
    seen: dict[Path, tuple[int, int]] = {}
    with _alone(place):
        for left in place.glob(f".*{_TEMPORARY}"):
            left.unlink(missing_ok=True)  # of one that was killed
        for _ in range(_PASSES):
            found = 0
            for path in files_of(place):
                if seen.get(path) == _state(path):
                    continue
                found += _in_file(path, keyed_subject, sought)
                seen[path] = _state(path)
            removed += found
            if not found:
                break
    return removed


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One that forgets at a time: what one read, another must not put back."""
    folder = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with locked(folder, wait=True):
            yield
    finally:
        os.close(folder)


def _state(path: Path) -> tuple[int, int]:
    """What changes with a file; nothing where it was removed since it was listed."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return there.st_ino, there.st_size


def _in_file(path: Path, keyed_subject: str, sought: bytes) -> int:
    try:
        with path.open("r+b") as file:
            if not any(sought in line for line in _lines(file)):
                return 0
            with locked(file.fileno(), wait=True):
                file.seek(0)
                return _replaced(path, file, keyed_subject, sought)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise LogError(
            "Expected a file of the log that can be replaced. Received: "
            f"path={path} ({error.strerror}). Give access, free space there, and run "
            "it again."
        ) from error


def _replaced(path: Path, file: BinaryIO, keyed_subject: str, sought: bytes) -> int:
    """Put a file in place that holds all but the subject's lines."""
    removed = 0
    temporary = path.with_name(f".{path.name}{_TEMPORARY}")
    try:
        with temporary.open("wb") as kept:
            os.fchmod(kept.fileno(), os.fstat(file.fileno()).st_mode & 0o777)
            for line in _lines(file):
                if sought in line and _is_of(line, keyed_subject):
                    removed += 1
                else:
                    kept.write(line)
            kept.flush()
            os.fsync(kept.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return removed


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(MAX_LINE_BYTES), b"")


def _is_of(line: bytes, keyed_subject: str) -> bool:
    """Whether a line is of the subject; a damaged one that names it is, too."""
    try:
        return entry_of(line).subject == keyed_subject
    except (ValueError, LogError):
        return True

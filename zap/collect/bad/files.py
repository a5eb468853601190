"""Where bad rows lie: ``source=NAME/DAY.jsonl``, by the day they came (UTC).

A file grows by whole lines at its end, which are synced. What a crash leaves of a line
has no end, is no row to any reader, and is cut off before the next is written. Beside
it ``DAY.replayed`` says which rows were replayed. One lock is held by whoever writes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from zap.collect.spool.folders import make_folder
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.times import SECOND_US

ROWS, REPLAYED = ".jsonl", ".replayed"
_SOURCE = "source="
_LOCK = ".lock"
_BLOCK = 1 << 16


def path_of(folder: Path, source: str, received_us: int) -> Path:
    """The file of a source's rows of a day.

    >>> str(path_of(Path("bad"), "shop", 86_400_000_000))
    'bad/source=shop/1970-01-02.jsonl'
    """
    day = datetime.fromtimestamp(received_us // SECOND_US, UTC).date()
    return folder / f"{_SOURCE}{quote(source, safe='')}" / f"{day.isoformat()}{ROWS}"


def source_of(path: Path) -> str:
    """The source whose rows a file holds."""
    return unquote(path.parent.name.removeprefix(_SOURCE))


def files_of(folder: Path, source: str | None = None) -> list[Path]:
    """The files of rows, sorted by source and day.

    Args:
        folder: of all bad rows; may be missing, if there never was one.
        source: only of this one.
    """
    name = "*" if source is None else quote(source, safe="")
    return sorted(folder.glob(f"{_SOURCE}{name}/*{ROWS}"))


def lines_in(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, with their ends; none where there is no file.

    Raises:
        CollectError: it can't be read.
    """
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(path, error) from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only one who writes to a folder of bad rows; it is made if need be.

    Raises:
        CollectError: it can't be made or locked.
    """
    try:
        if not folder.is_dir():
            make_folder(folder)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise refused(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Add lines to a file, synced; all of them, or none that stays.

    Args:
        path: of the file, which is made if need be.
        lines: with their ends.

    Raises:
        CollectError: the disk refuses.
    """
    try:
        _make(path)
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            size = _cut_torn(file)
            _write(file, b"".join(lines), size)
        finally:
            os.close(file)
    except OSError as error:
        raise refused(path, error) from error


def _make(path: Path) -> None:
    """Make the file and its folder, so that they outlast a loss of power."""
    if path.exists():
        return
    if not path.parent.exists():
        path.parent.mkdir(exist_ok=True)
        sync(path.parent.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640))
    sync(path.parent)


def _cut_torn(file: int) -> int:
    """Cut off what is behind the last line's end; the size that is left."""
    size = os.fstat(file).st_size
    end = size
    while end:
        begin = max(0, end - _BLOCK)
        at = os.pread(file, end - begin, begin).rfind(b"\n")
        if at >= 0:
            end = begin + at + 1
            break
        end = begin
    if end < size:
        os.ftruncate(file, end)
    return end


def _write(file: int, text: bytes, at: int) -> None:
    try:
        view = memoryview(text)
        done = 0
        while done < len(view):
            done += os.pwrite(file, view[done:], at + done)
        os.fsync(file)
    except OSError:
        # What could not be synced must not be found by the next try and taken as kept.
        with suppress(OSError):
            os.ftruncate(file, at)
        raise


def refused(path: Path, error: OSError) -> CollectError:
    """What to say of a path that the disk refuses."""
    return CollectError(
        f"Expected bad rows that can be read and written. Received: path={path} "
        f"({error.strerror}). Give access, or free space."
    )

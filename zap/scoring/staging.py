"""A folder of one run, below an output, that readers of the output do not see.

Readers of tables in files pass over names that begin with ``_``. On a local disk a run
holds a lock in its folder for as long as it lives, so that the next one knows which
folders dead runs have left, and removes them. Elsewhere the age in a folder's name has
to do.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import fsspec

from zap.datasets.writing import writing

STAGING = "_staging"
LETTERS = "dead_letters"
OLD = timedelta(days=7)
"""The age at which a remote folder must be that of a dead run."""

_LOCK = ".lock"
_RUN = re.compile(r"(\d{8}T\d{6})-[0-9a-f]{8}")


class Staging:
    """The folder of a run. Copies of it, for workers, know its name and hold no lock.

    Args:
        root: the output.
    """

    def __init__(self, root: str):
        self._above = f"{root.rstrip('/')}/{STAGING}"
        self._run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self.path = f"{self._above}/{self._run}"
        self._lock: IO[bytes] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What travels to workers."""
        return {**vars(self), "_lock": None}

    def begin(self) -> None:
        """Make the folder, and remove those of dead runs.

        Raises:
            DatasetError: it can't be made.
        """
        files, above = store_anew(self._above)
        if not is_local(files):
            _clear_old(files, above)
            return
        # It gets its name once it is locked: nobody takes it for a dead one's.
        made = Path(above, f".{self._run}")
        try:
            with writing(self.path):
                made.mkdir(parents=True)
                self._lock = open(made / _LOCK, "wb")  # noqa: SIM115
                _locked(self._lock)
                made.rename(Path(above, self._run))
                _clear_dead(Path(above), self._run)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            self.end()
            raise

    def end(self) -> None:
        """Remove the folder, and the one above it if that is empty."""
        files, path = store_anew(self.path)
        if not is_local(files):
            if files.exists(path):
                files.rm(path, recursive=True)
            return
        shutil.rmtree(path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        try:
            Path(path).parent.rmdir()
        except OSError:
            return  # another run is at work


def keep_letters(folder: str, kept: str) -> str | None:
    """Keep the rows that a run could not read, in place of those of a former one.

    Args:
        folder: of the run.
        kept: where they are to be.

    Returns:
        ``kept``; None if there are none.
    """
    files, where = store_anew(kept)
    if files.exists(where):
        files.rm(where, recursive=True)
    found = f"{fsspec.core.url_to_fs(folder)[1]}/{LETTERS}"
    if not (files.exists(found) and files.ls(found)):
        return None
    with writing(kept):
        if is_local(files):
            Path(where).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(found, where)
        else:
            # One by one: fsspec's own mv looks for the folder too, which no store has.
            for path in files.find(found):
                files.cp_file(path, where + path[len(found) :])
            files.rm(found, recursive=True)
    return kept


def store_anew(path: str) -> tuple[Any, str]:
    """The file system of a path, which forgets what it saw, and the path in it.

    Workers write what the process that began the run reads, moves and removes.
    """
    files, where = fsspec.core.url_to_fs(path)
    files.invalidate_cache()
    return files, str(where)


def is_local(files: fsspec.AbstractFileSystem) -> bool:
    """Whether a file system is this machine's."""
    return "file" in files.protocol


def _locked(file: IO[bytes]) -> bool:
    """Take the lock of a folder; False if another process holds it.

    Where a file system has no locks nobody is ever taken for dead.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _clear_dead(above: Path, mine: str) -> None:
    for folder in above.iterdir():
        if folder.name == mine or not _RUN.fullmatch(folder.name):
            continue
        try:
            with open(folder / _LOCK, "rb") as lock:
                if _locked(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # it has ended meanwhile


def _clear_old(files: fsspec.AbstractFileSystem, above: str) -> None:
    if not files.exists(above):
        return
    for path in files.ls(above, detail=False):
        begun = _RUN.fullmatch(path.rstrip("/").rpartition("/")[2])
        if begun is None:
            continue
        at = datetime.strptime(begun[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        if datetime.now(UTC) - at > OLD:
            files.rm(path, recursive=True)

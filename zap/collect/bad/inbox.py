"""The way into the spool for whoever is not the collector: files that it takes up.

A spool has one writer. So a replay leaves records in the spool's ``inbox``, whole files
that appear in one step, and the writer appends them and removes the file. What has no
room yet stays for later. A crash between the two takes a file up again, with the same
event ids, of which sinks keep one. Who leaves files, takes them up or forgets in them
keeps out of the others' way by the lock of those who change the spool. So what is half
written while one has that lock was left by a killed process, and goes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from zap.bundles.folders import create_file, replace_file
from zap.collect.spool.folders import make_folder
from zap.collect.spool.locks import changing
from zap.datasets.publishing import sync
from zap.errors import CollectError

if TYPE_CHECKING:
    from zap.collect.spool import Spool

FOLDER = "inbox"
ENDING = ".records"
EVERY_S = 2.0
_PATIENCE_S = 5.0


def put(spool: Path, records: Sequence[bytes]) -> Path:
    """Leave records for the writer of a spool; they are on disk when this returns.

    Args:
        spool: its folder, which is made if need be.
        records: each without a line's end, as all that are JSON.

    Returns:
        The file, which is gone once its records are in the spool.

    Raises:
        CollectError: the disk refuses.
    """
    content = b"".join(record + b"\n" for record in records)
    path = spool / FOLDER / f"{sha256(content).hexdigest()[:32]}{ENDING}"
    try:
        if not path.parent.is_dir():
            make_folder(path.parent)
        with changing(spool):
            create_file(path, content, 0o640)
    except OSError as error:
        raise CollectError(
            "Expected a spool that can be written. Received: "
            f"path={path} ({error.strerror}). Give access, or free space."
        ) from error
    return path


def waiting(spool: Path) -> list[Path]:
    """The files that were not taken up yet."""
    return sorted((spool / FOLDER).glob(f"*{ENDING}"))


def take(spool: Spool) -> int:
    """Append what waits to the spool, as its writer.

    Returns:
        How many records it was.

    Raises:
        SpoolFull: there is no room; what is left stays.
        CollectError: the disk refuses.
    """
    taken = 0
    for path in waiting(spool.folder):
        try:
            with changing(spool.folder):
                taken += _take_up(spool, path)
        except OSError as error:
            raise _refused(path, error) from error
    return taken


def _take_up(spool: Spool, path: Path) -> int:
    try:
        records = _records_in(path)
    except FileNotFoundError:
        return 0  # all of it was forgotten since it was listed
    if records:
        spool.append(records)
    os.unlink(path)
    sync(path.parent)
    return len(records)


def forget(spool: Path, predicate: Callable[[bytes], bool]) -> int:
    """Take out of what waits the records that a predicate names.

    Args:
        spool: its folder.
        predicate: takes a record, and says whether it is to be forgotten.

    Returns:
        How many records were taken out.

    Raises:
        CollectError: the disk refuses; the files before it are done.
    """
    removed, path = 0, spool / FOLDER
    try:
        if path.is_dir():
            with changing(spool):
                _clear(path)
        for path in waiting(spool):
            with changing(spool):
                removed += _forget(path, predicate)
    except OSError as error:
        raise _refused(path, error) from error
    return removed


def _clear(folder: Path) -> None:
    """Remove what killed processes left half written; nobody writes now."""
    left = list(folder.glob(f".*{ENDING}.*"))
    for path in left:
        path.unlink(missing_ok=True)
    if left:
        sync(folder)


def _forget(path: Path, predicate: Callable[[bytes], bool]) -> int:
    try:
        records = _records_in(path)
    except FileNotFoundError:
        return 0  # it was taken up since it was listed
    kept = [record for record in records if not predicate(record)]
    if len(kept) < len(records):
        replace_file(path, b"".join(record + b"\n" for record in kept), 0o640)
    return len(records) - len(kept)


def _records_in(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _refused(path: Path, error: OSError) -> CollectError:
    return CollectError(
        "Expected an inbox that can be read and emptied. Received: "
        f"path={path} ({error.strerror}). Give access."
    )


class Inbox:
    """Takes up what waits, every two seconds, in a thread.

    Args:
        spool: of this process.

    Attributes:
        failing: why it could not be done last; empty where it could.
    """

    def __init__(self, spool: Spool):
        self.failing = ""
        self._spool = spool
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin; `close` ends it, before the spool is closed."""
        self._thread.start()

    def close(self) -> None:
        """End, after what is being taken up.

        It may wait for who forgets in the spool, which can take minutes: a collector
        that is to end does not wait along. What was not taken up stays.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while True:
            try:
                take(self._spool)
                self.failing = ""
            except CollectError as error:
                self.failing = str(error)
            if self._stop.wait(EVERY_S):
                return

"""One run at a time for each output, and an end to what dead runs left beside it.

A run holds a lock on ``.NAME.lock`` beside its output for as long as it lives. The
kernel lets go of it however the run ends, kill -9 included, so whoever holds the lock
knows that all other work beside the output belongs to runs that are dead. A lock of
processes that a run forked outlives it, which is right: they may still write.

Names of work in progress are random all the same: a worker that outlives its run by a
moment writes into a folder that is gone, not into the next run's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import IO

from zap.errors import DatasetError

COMPLETED = "COMPLETED"
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
"""What file systems without locks answer. There nothing is cleared up: whether a run is
alive cannot be told."""


class Claim:
    """The right to make one output, until it is released or the process ends.

    Args:
        final: the directory to be; its parent is made if it is not there.

    Raises:
        DatasetError: a run that is alive has it.
        OSError: its parent cannot be made, or the lock not be written.
    """

    def __init__(self, final: Path):
        self.final = final
        self._path = final.parent / f".{final.name}.lock"
        self._parents_made = [p for p in final.parents if not p.exists()]
        self._lock: IO[bytes] | None = None
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
        except BaseException:
            self.release(keep_parents=False)
            raise

    def _locked(self) -> IO[bytes] | None:
        while True:
            file = open(self._path, "ab")  # noqa: SIM115
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.close()
                raise DatasetError(
                    "Expected an output that no other run is making. Received: "
                    f"output={self.final}, whose {self._path.name} a live process "
                    "holds. Wait for it or stop it, or choose another output."
                ) from error
            except OSError as error:
                file.close()
                if error.errno in NO_LOCKS:
                    return None
                raise
            if _is_at(file, self._path):
                return file
            file.close()  # Its last holder removed it between the two steps.

    def new_folder(self) -> Path:
        """A name beside the output that no run has used."""
        return self.final.parent / f".{self.final.name}.tmp-{uuid.uuid4().hex[:8]}"

    def recover(self) -> None:
        """Put right what a run left that was killed while it replaced a dataset.

        Only where two names cannot be exchanged in one step (`publishing`) is there a
        moment in which the old dataset has lost its name. It gets it back: the run that
        took it never said that it was done.
        """
        for path in self._left(r"\.old"):
            if not self.final.exists() and (path / COMPLETED).exists():
                path.rename(self.final)

    def clear(self) -> None:
        """Remove the folders of dead runs."""
        for path in self._left(r"(\.old)?"):
            remove_folder(path)

    def _left(self, ending: str) -> list[Path]:
        if self._lock is None:
            return []
        name = re.compile(
            re.escape(f".{self.final.name}.tmp-") + r"[0-9a-f]{8}" + ending
        )
        beside = self.final.parent.iterdir()
        return sorted(path for path in beside if name.fullmatch(path.name))

    def release(self, keep_parents: bool) -> None:
        """Let go of the output.

        Args:
            keep_parents: whether folders stay that were made to hold the output.
        """
        if self._lock is not None:
            # First the name, then the lock: nobody else can hold it in between.
            self._path.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        if not keep_parents:
            for parent in self._parents_made:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def remove_folder(path: Path) -> None:
    """Remove a folder, its mark first: half of a dataset never looks whole."""
    with contextlib.suppress(OSError):
        (path / COMPLETED).unlink()
    shutil.rmtree(path, ignore_errors=True)

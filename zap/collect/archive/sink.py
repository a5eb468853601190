"""The sink that writes the archive: every event once, whatever happens to the process.

A batch becomes one file a source and day, and one run of ids a day; they and the new
position are one commit (``zap.collect.archive.commits``). Records below the position
were taken before and are passed over, however a batch is cut now. Events whose id is
known were sent twice, and are counted.

A thread beside it merges small files.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from zap.bundles.folders import write_file
from zap.collect.archive.commits import Commits, Move, make_home
from zap.collect.archive.forgotten import Forgotten
from zap.collect.archive.ids import KnownIds
from zap.collect.archive.locks import CHANGES, WRITER, held
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.recovery import recover_ids, recover_position
from zap.collect.archive.taking import take
from zap.collect.archive.tidying import Tidying
from zap.errors import CollectError

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


class ArchiveSink:
    """Brings records of the spool to an archive; one process does so at a time.

    Args:
        folder: of the archive; it is made.
        options: bounds.

    Attributes:
        name: under which delivery knows it.
        linger_s: how long records may wait for more: each write makes files.

    Raises:
        CollectError: another process writes the archive, it is damaged, or the disk
            refuses.
    """

    name = "archive"
    linger_s = 1.0

    def __init__(self, folder: str | Path, options: ArchiveOptions | None = None):
        self.root = Path(folder)
        self.options = options or ArchiveOptions()
        self._counts: Counter[str] = Counter()
        self._stop, self._tidies = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_open, self._trouble = False, ""
        with ExitStack() as stack:
            try:
                self.home = make_home(self.root)
                stack.enter_context(held(self.home / WRITER, wait=False))
                self._commits = Commits(self.root)
                self._ids = KnownIds(self.home / "ids", self.options.ids_days)
                self._tidying = Tidying(self.root, self.options)
                self._open()
            except OSError as error:
                raise self._refused(error) from error
            self._held = stack.pop_all()
        if self.options.tidy_s:
            self._thread = threading.Thread(target=self._keep_tidy, daemon=True)
            self._thread.start()

    def position(self) -> int | None:
        """The number of the first record to take next; None before the first commit."""
        return self._commits.position

    def counts(self) -> Mapping[str, int]:
        """What became of records since the start; see ``Taken``."""
        return dict(self._counts)

    def problems(self) -> Mapping[str, str]:
        """What keeps small files from being merged, if something does."""
        return {"merging": self._trouble} if self._trouble else {}

    def write(self, batch: Batch) -> None:
        """Take the records of a batch that are not there yet, durably.

        Raises:
            CollectError: the disk refuses, or a record is none; nothing is lost, and
                the same records may come again.
        """
        try:
            if not self._is_open:
                self._open()
            with held(self.home / CHANGES):
                self._write(batch)
        except OSError as error:
            self._is_open = False  # what holds is told by the disk
            raise self._refused(error) from error

    def tidy(self) -> None:
        """Merge small files, and forget ids that are over; a thread does it as well.

        Raises:
            CollectError: the disk refuses; what was there still is.
        """
        try:
            with self._tidies:
                self._ids.expire()
                self._ids.merge()
                self._tidying.once(self._stop)
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """End the thread and let go of the archive."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._held.close()

    def _open(self) -> None:
        """Finish the last commit, and read what is there."""
        with self._tidies, held(self.home / CHANGES):
            self._commits.open()
            if self._commits.position is None:
                self._commits.position = recover_position(self.root)
            if not self._ids.folder.is_dir():
                recover_ids(self.root, self._ids)
            self._ids.load()
        self._is_open = True

    def _write(self, batch: Batch) -> None:
        position = self._commits.position or 0
        if batch.next <= position:
            return
        forgotten = Forgotten(self.home)
        taken = take(batch, position, self._ids, forgotten)
        moves: list[Move] = []
        for path, content in (*taken.files(self.root), *taken.runs(self._ids)):
            # Of this commit alone: else the last one would take what is in none.
            staged = self._commits.stage(f"{taken.first}-{len(moves)}{path.suffix}")
            write_file(staged, content)
            moves.append((staged.name, path))
        self._commits.commit(batch.next, moves)
        self._ids.add(path for _, path in moves if self._ids.folder in path.parents)
        forgotten.passed(batch.next)
        self._counts.update(taken.counts)

    def _keep_tidy(self) -> None:
        while not self._stop.wait(self.options.tidy_s):
            try:
                self.tidy()
                self._trouble = ""
            except Exception as error:  # told by status; and again after a while
                self._trouble = str(error) or repr(error)

    def _refused(self, error: OSError) -> CollectError:
        return CollectError(
            "Expected an archive that can be read and written. Received: "
            f"archive={self.root} ({type(error).__name__}: {error}). Make room, or "
            "mend the folder's rights; what was taken stays."
        )

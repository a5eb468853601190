"""The spool: records are given from many threads, and one brings them to the disk.

What waits when the disk comes free is one group: one write, one sync, and only then
does any of the senders hear of it. Nobody waits for a group to fill.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import chain
from pathlib import Path

from zap.collect.spool.control import Control, Told
from zap.collect.spool.folders import make_folder
from zap.collect.spool.locks import writer_of
from zap.collect.spool.options import SpoolOptions, SpoolStatus, not_kept
from zap.collect.spool.queue import Queue, Submission, report, settle
from zap.collect.spool.room import Room
from zap.collect.spool.segments import bytes_of, segments_of
from zap.collect.spool.tail import Tail
from zap.errors import CollectError

Done = Callable[[CollectError | None], None]

_TICK_S = 0.05
"""How often an idle spool looks whether others ask something of it."""


class Spool:
    """A folder of numbered records that survive a crash once they are acknowledged.

    One process writes to it, from any number of threads; others read
    (`zap.collect.spool.SpoolReader`).

    Example:
        >>> import tempfile
        >>> with Spool(tempfile.mkdtemp()) as spool:
        ...     spool.append([b"E{}", b"E{}"]), spool.append([b"E{}"])
        (0, 2)

    Args:
        folder: is made where it is not there.
        options: limits.
        least: no number below is given: a sink that keeps numbers itself has them of
            another spool, which was lost.

    Raises:
        SpoolTaken: another process writes to it.
        CollectError: it can't be written.
    """

    def __init__(
        self,
        folder: Path | str,
        options: SpoolOptions | None = None,
        least: int = 0,
    ):
        self.folder = Path(folder)
        self.options = options or SpoolOptions()
        self._failing = ""
        try:
            self._open(least)
        except OSError as error:
            raise CollectError(
                f"Expected a folder that can be written. Received: spool={folder}: "
                f"{error}. Correct the path, its owner, or its disk."
            ) from error
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def _open(self, least: int) -> None:
        make_folder(self.folder)
        self._lock = writer_of(self.folder)
        try:
            self._control = Control(self.folder)
            before = self._control.told() or Told()
            self._tail = Tail(self.folder, self.options, max(before.end, least))
            self._room = Room(self.folder, self.options)
        except BaseException:
            os.close(self._lock)
            raise
        self._queue = Queue(self.folder, self._room)
        self._torn = before.torn + self._tail.torn
        self._begun = self._control.asked()
        self._tell()

    def submit(self, records: Sequence[bytes], done: Done) -> None:
        """Have records brought to the disk, and go on.

        Args:
            records: at least one, none of them empty. They stay together.
            done: is called in the spool's thread once all are synced, or with an error
                once it is clear that none is kept. It must be quick.

        Raises:
            SpoolFull: there is no room; ``done`` is not called.
            CollectError: the spool is closed, or a record is empty.
        """
        self._queue.put(records, lambda _, error: done(error))

    def append(self, records: Sequence[bytes]) -> int:
        """Bring records to the disk, and wait until they are there.

        Returns:
            The number of the first; the others follow.

        Raises:
            SpoolFull: there is no room.
            CollectError: the disk failed, the spool is closed, or a record is empty.
        """
        kept: Future[int] = Future()

        def hear(first: int, error: CollectError | None) -> None:
            if error is None:
                kept.set_result(first)
            else:
                kept.set_exception(error)

        self._queue.put(records, hear)
        return kept.result()

    def status(self) -> SpoolStatus:
        """How full it is, and whether it can be written."""
        segments = segments_of(self.folder)
        end = self._tail.end
        return SpoolStatus(
            end=end,
            oldest=min(segments[0].first, end) if segments else end,
            bytes=bytes_of(segments),
            max_bytes=self.options.max_bytes,
            failing=self._failing or None,
            torn=self._torn,
        )

    def close(self) -> None:
        """Bring what waits to the disk, and let others write to the spool."""
        if self._lock < 0:
            return
        self._queue.close()
        self._thread.join()
        self._tail.begin_anew()
        self._tell()
        self._control.close()
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        group: Sequence[Submission] = ()
        try:
            while True:
                group = self._queue.take(_TICK_S)
                if group:
                    self._commit(group)
                    group = ()  # they have heard
                elif self._queue.closed:
                    return
                self._look()
        except BaseException:  # a defect: nobody may wait for ever because of it
            report()
            self._queue.close()
            ended = CollectError(
                "Expected the spool's thread to go on. Received: an error that is a "
                "defect of Zap, on stderr. Restart the collector."
            )
            self._failing = str(ended)
            while group:
                settle(group, 0, ended)
                group = self._queue.take(0)

    def _commit(self, group: Sequence[Submission]) -> None:
        """Bring a group to the disk, and tell the readers, then the senders."""
        first = self._tail.end
        error: CollectError | None = None
        try:
            records = [*chain.from_iterable(each.records for each in group)]
            self._room.grown(self._tail.append(records))
        except OSError as raised:
            error = not_kept(self.folder, raised)
            self._failing = str(error)
        else:
            self._failing = ""
        self._tell()
        self._queue.done(group)
        settle(group, first, error)

    def _look(self) -> None:
        """See what others did to the folder, now and then, or ask for."""
        try:
            self._room.look()
        except OSError as error:
            self._failing = str(not_kept(self.folder, error))
        asked = self._control.asked()
        if asked != self._begun:
            self._tail.begin_anew()
            self._begun = asked
            self._tell()

    def _tell(self) -> None:
        tail, most = self._tail, self.options.max_bytes
        self._control.tell(
            Told(tail.end, tail.active, self._begun, most, self._torn, self._failing)
        )

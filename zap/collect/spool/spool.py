"""The spool: records are given from many threads, and one brings them to the disk.

What waits when the disk comes free is one group: one write, one sync, and only then
does any of the senders hear of it. Nobody waits for a group to fill.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from zap.collect.spool.blocks import size_of
from zap.collect.spool.control import Control, Told
from zap.collect.spool.locks import writer_of
from zap.collect.spool.options import SpoolFull, SpoolOptions, SpoolStatus
from zap.collect.spool.receivers import Calls, Done, Receiver, Waiting, settle_all
from zap.collect.spool.room import LOOK_S, Room
from zap.collect.spool.segments import bytes_of, segments_of
from zap.collect.spool.tail import Tail
from zap.errors import CollectError

GROUP_BYTES = 8 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Submission(NamedTuple):
    records: Sequence[bytes]
    size: int
    receiver: Receiver
    token: Any


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

    Raises:
        CollectError: another process writes to it, or it can't be written.
    """

    def __init__(self, folder: Path | str, options: SpoolOptions | None = None):
        self.folder = Path(folder)
        self.options = options or SpoolOptions()
        self._waiting: deque[_Submission] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._calls = Calls()
        self._failing = ""
        try:
            self._open()
        except OSError as error:
            raise CollectError(
                f"Expected a folder that can be written. Received: spool={folder}: "
                f"{error}. Correct the path, its owner, or its disk."
            ) from error
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = writer_of(self.folder)
        try:
            self._control = Control(self.folder)
            told = self._control.told() or Told()
            self._tail = Tail(self.folder, self.options, told.end)
            self._room = Room(self.folder, self.options)
        except BaseException:
            os.close(self._lock)
            raise
        self._torn = told.torn + self._tail.torn
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
        self.submit_to(self._calls, done, records)

    def submit_to(
        self, receiver: Receiver, token: Any, records: Sequence[bytes]
    ) -> None:
        """The same, for one who submits often and would hear once of a whole group.

        Args:
            receiver: hears of it.
            token: is given back to it.
            records: as for `submit`.

        Raises:
            SpoolFull, CollectError: as for `submit`.
        """
        if not records or not all(records):
            raise CollectError(
                "Expected at least one record, and none that is empty. "
                f"Received: {len(records)} records. Leave empty ones out."
            )
        submission = _Submission(records, size_of(records), receiver, token)
        with self._changed:
            if self._closed:
                raise CollectError(
                    f"Expected an open spool. Received: {self.folder}, which is closed."
                )
            self._room.check(submission.size)
            self._room.waiting += submission.size
            self._waiting.append(submission)
            if len(self._waiting) == 1:
                self._changed.notify()

    def append(self, records: Sequence[bytes]) -> int:
        """Bring records to the disk, and wait until they are there.

        Returns:
            The number of the first; the others follow.

        Raises:
            SpoolFull: there is no room.
            CollectError: the disk failed, the spool is closed, or a record is empty.
        """
        waiting = Waiting()
        self.submit_to(waiting, None, records)
        return waiting.first()

    def status(self) -> SpoolStatus:
        """How full it is, and whether it can be written."""
        segments = segments_of(self.folder)
        end = self._tail.end
        return SpoolStatus(
            end=end,
            oldest=segments[0].first if segments else end,
            bytes=bytes_of(segments),
            max_bytes=self.options.max_bytes,
            failing=self._failing or None,
            torn=self._torn,
        )

    def close(self) -> None:
        """Bring what waits to the disk, and let others write to the spool."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._tail.begin_anew()
        self._tell()
        self._control.close()
        os.close(self._lock)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            group = self._next_group()
            if group:
                self._commit(group)
            elif self._closed:
                return
            else:
                self._room.look()
            if self._begun != self._control.asked():
                self._begun = self._control.asked()
                self._tail.begin_anew()
                self._tell()

    def _next_group(self) -> list[_Submission]:
        """What waits, up to a bound; nothing where nothing came for a while."""
        group: list[_Submission] = []
        size = 0
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(LOOK_S)
            while self._waiting and (
                not group or size + self._waiting[0].size <= GROUP_BYTES
            ):
                group.append(self._waiting.popleft())
                size += group[-1].size
        return group

    def _commit(self, group: Sequence[_Submission]) -> None:
        """Bring a group to the disk, and tell the readers, then the senders."""
        first = self._tail.end
        error: CollectError | None = None
        try:
            size = self._tail.append([*chain.from_iterable(g.records for g in group)])
            self._room.grown(size)
            self._failing = ""
        except Exception as raised:
            error = _not_kept(self.folder, raised)
            self._failing = str(error)
        self._tell()
        with self._changed:
            self._room.waiting -= sum(each.size for each in group)
        told: list[tuple[Receiver, tuple[Any, int]]] = []
        for each in group:
            told.append((each.receiver, (each.token, first)))
            first += len(each.records)
        settle_all(told, error)

    def _tell(self) -> None:
        tail, most = self._tail, self.options.max_bytes
        told = (tail.end, tail.active, self._begun, most, self._torn, self._failing)
        self._control.tell(Told(*told))


def _not_kept(folder: Path, raised: Exception) -> CollectError:
    """What to say of records that the disk did not take."""
    no_room = isinstance(raised, OSError) and raised.errno in _NO_ROOM
    kind = SpoolFull if no_room else CollectError
    error = kind(
        f"Expected to write to the disk. Received: spool={folder}: {raised}. "
        "Make room on the disk, or mend it; nothing of this was kept."
    )
    error.__cause__ = raised
    return error

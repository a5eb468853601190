"""What the writer tells all other processes: up to where records are synced.

It stands in a small file that the writer maps, so that telling it costs no call of the
system. It is told only once the disk has the records, but is itself never synced: after
a loss of power it may be behind, and is then no more than a lower bound. A checksum
tells a reader that looks while it changes to look again.

The one thing that others tell the writer: that it is to begin a new segment (`forget`).
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from zap.errors import CollectError

NAME = "synced"
_SIZE = 512
_ASKED = struct.Struct("<Q")
_TOLD_AT = 64
_TOLD = struct.Struct("<4sIQQQQQ200s")
_CHECKED_FROM = 8
_MARK = b"ZSC1"
_TRIES = 200


class Told(NamedTuple):
    """What the writer says.

    Attributes:
        end: the number behind the last record that is synced.
        active: the number of the first record of the segment being written; ``end``
            where none is.
        begun: the last request for a new segment that was followed.
        max_bytes: what the segments may take on the disk.
        torn: ends that were cut off after crashes.
        failing: why it can't write; empty where it can.
    """

    end: int = 0
    active: int = 0
    begun: int = 0
    max_bytes: int = 0
    torn: int = 0
    failing: str = ""


def read_told(folder: Path) -> Told | None:
    """What the writer of the spool said last; None where there was no writer yet.

    Raises:
        CollectError: the file is damaged.
    """
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _read(file)
    finally:
        os.close(file)


def _read(file: int) -> Told | None:
    for attempt in range(_TRIES):
        data = os.pread(file, _SIZE, 0)
        if not data.strip(b"\0"):
            return None
        told = _parsed(data)
        if told is not None:
            return told
        time.sleep(0 if attempt < 10 else 0.001)
    raise CollectError(
        f"Expected the file {NAME!r} of a spool to be whole. Received: {data[:80]!r}. "
        "Start the collector: it makes the file anew."
    )


def _parsed(data: bytes) -> Told | None:
    told = data[_TOLD_AT : _TOLD_AT + _TOLD.size]
    if len(told) < _TOLD.size:
        return None
    mark, crc, *numbers, text = _TOLD.unpack(told)
    if mark != _MARK or crc != crc32(told[_CHECKED_FROM:]):
        return None
    failing = text.rstrip(b"\0").decode("utf-8", "replace")
    return Told._make((*numbers, failing))


class Control:
    """The file, mapped.

    Args:
        folder: the spool's.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, folder: Path):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        file = os.open(folder / NAME, flags, 0o640)
        try:
            if os.fstat(file).st_size < _SIZE:
                os.posix_fallocate(file, 0, _SIZE)  # a full disk says so now
            self._map = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)

    def told(self) -> Told | None:
        """What was told last; None where it was nothing, or is damaged."""
        return _parsed(self._map[:])

    def tell(self, told: Told) -> None:
        """Tell the others."""
        *numbers, failing = told
        text = failing.encode("utf-8", "replace")[:200]
        behind = _TOLD.pack(_MARK, 0, *numbers, text)[_CHECKED_FROM:]
        whole = _MARK + crc32(behind).to_bytes(4, "little") + behind
        self._map[_TOLD_AT : _TOLD_AT + len(whole)] = whole

    def asked(self) -> int:
        """How many times a new segment was asked for."""
        return int(_ASKED.unpack_from(self._map)[0])

    def ask(self) -> int:
        """Ask the writer to begin a new segment; for one process at a time.

        Returns:
            What `Told.begun` will be at least, once it has.
        """
        number = self.asked() + 1
        _ASKED.pack_into(self._map, 0, number)
        return number

    def close(self) -> None:
        """Bring it to the disk, and end."""
        self._map.flush()
        self._map.close()

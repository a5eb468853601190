"""How a spool is written, how full it is, and what it says when it is full."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

from zap.errors import CollectError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpoolFull(CollectError):
    """The spool has no room: nothing was kept, and the sender is to try again later."""


def not_kept(folder: Path, raised: OSError) -> CollectError:
    """What to say of records that the disk did not take."""
    kind = SpoolFull if raised.errno in _NO_ROOM else CollectError
    error = kind(
        f"Expected to write to the disk. Received: spool={folder}: {raised}. "
        "Make room on the disk, or mend it; nothing of this was kept."
    )
    error.__cause__ = raised
    return error


class SpoolTaken(CollectError):
    """Another process writes to the spool."""


@dataclass(frozen=True)
class SpoolOptions:
    """Limits of a spool.

    Attributes:
        max_bytes: what all segments together may take on the disk.
        keep_free_bytes: what the spool leaves free on its disk, for the sinks that
            empty it.
        queue_bytes: what may wait in memory for the disk.
        segment_bytes: the size from which on a new segment is begun; an eighth of
            ``max_bytes`` where it is more, since room is made by whole segments.
        segment_s: the age from which on a new segment is begun, in seconds.

    Raises:
        CollectError: a value is out of its range.
    """

    max_bytes: int = 4 << 30
    keep_free_bytes: int = 64 << 20
    queue_bytes: int = 64 << 20
    segment_bytes: int = 64 << 20
    segment_s: int = 3_600

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name == "keep_free_bytes" else 1
            if type(value) is not int or value < least:
                raise CollectError(
                    f"Expected {name} to be a whole number of at least {least}. "
                    f"Received: {name}={value!r}. Correct it."
                )
        most = min(self.segment_bytes, max(1, self.max_bytes // 8))
        object.__setattr__(self, "segment_bytes", most)


@dataclass(frozen=True)
class SpoolStatus:
    """A spool at one moment.

    Attributes:
        end: the number that the next record gets; all before it are synced.
        oldest: the number of the first record that is still there.
        bytes: what its segments take on the disk.
        max_bytes: what they may take.
        failing: why it could not be written last; None once it could.
        torn: ends of segments that were cut off after a crash, since the spool was
            made. Nothing in them was ever acknowledged.
    """

    end: int
    oldest: int
    bytes: int
    max_bytes: int
    failing: str | None
    torn: int

"""Removing what every sink has taken.

Segments stay for a while after that, so that a store can be rebuilt from them, but not
at the price of refusing new events: once the spool takes more than half of what it may,
those that are taken go early, the oldest first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from zap.collect.spool.control import read_told
from zap.collect.spool.locks import changing
from zap.collect.spool.positions import Positions
from zap.collect.spool.segments import bytes_of, segments_of
from zap.errors import CollectError

KEEP_S = 86_400


def trim(
    folder: Path | str,
    positions: Positions | Mapping[str, int],
    keep_s: float = KEEP_S,
) -> int:
    """Remove the oldest segments, as far as every sink has taken all of their records.

    The last segment always stays: its name tells which numbers were given. Safe beside
    a writer, readers, and others who trim or forget.

    Args:
        folder: the spool's.
        positions: of every sink. Where there is none, nothing is removed.
        keep_s: how long a segment stays after its last record was written, in seconds.

    Returns:
        How many bytes were removed.

    Raises:
        CollectError: a position is wrong, or the disk refuses.
    """
    folder = Path(folder)
    all_positions = positions.all() if isinstance(positions, Positions) else positions
    taken = min(all_positions.values(), default=0)
    told = read_told(folder)
    if not taken or told is None:
        return 0
    try:
        with changing(folder):
            return _trim(folder, taken, time.time() - keep_s, told.max_bytes // 2)
    except OSError as error:
        raise CollectError(
            f"Expected to remove old segments. Received: {folder}: {error}. "
            "Mend the disk, or let the user of this process write to it."
        ) from error


def _trim(folder: Path, taken: int, before_s: float, most_bytes: int) -> int:
    segments = segments_of(folder)
    held, removed = bytes_of(segments), 0
    for segment, following in pairwise(segments):
        there = os.stat(segment.path)
        early = held - removed > most_bytes
        if following.first > taken or (there.st_mtime > before_s and not early):
            break
        os.unlink(segment.path)
        removed += there.st_size
    return removed

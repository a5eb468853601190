"""Which files of a folder to make one of: few of them are left, and few are rewritten.

Only neighbours are merged, since a merged file stands for all numbers that it spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

FEWEST = 8
"""So many files come together before they are merged in a folder that grows."""

SMALL = 256 << 10
"""Bytes of a file that is merged whatever the sizes of the newer ones."""

File = TypeVar("File")


def to_merge(
    files: Sequence[File], sizes: Sequence[int], most: int, fewest: int = FEWEST
) -> Sequence[File]:
    """The newest files of a growing folder, if it is time to merge them.

    From the newest on, a file goes along that is small, or no larger than all newer
    ones together. So each event is written again some log2(events) times.

    Args:
        files: those of the folder, in order.
        sizes: their bytes.
        most: bytes of a merged file.
        fewest: fewer than these are left alone.

    Returns:
        Neighbours; none if it is not yet time.
    """
    begin, held = len(files), 0
    while begin:
        size = sizes[begin - 1]
        if held + size > most or (held and size > max(held, SMALL)):
            break
        begin, held = begin - 1, held + size
    return files[begin:] if len(files) - begin >= fewest else []

"""Sorted runs of 128-bit hashes on disk, looked up where they lie.

A run is one file: a mark, the number of hashes, the upper halves in order, and then
their lower halves. It is mapped, so what a look-up needs of it is in the system's page
cache and not in the process. Hashes are even, so runs are merged by equal parts of
their range, each of which fits into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from zap.encoding.columns import BoolArray
from zap.errors import CollectError

Halves = npt.NDArray[np.uint64]

MARK = b"zapids1\n"
PART = 1_000_000
"""Hashes that are merged at once: some 16 MB, and as much again for their order."""

_BEGIN = len(MARK) + 8
_RANGE = 1 << 64


class Run:
    """A run, mapped.

    Args:
        path: its file. It may be removed while the run is in use.

    Attributes:
        upper: the upper halves, in order.
        lower: the lower halves, in the order of the upper ones.

    Raises:
        CollectError: it is no whole run.
        OSError: it can't be read.
    """

    def __init__(self, path: Path):
        self.path = path
        size = path.stat().st_size
        whole = size >= _BEGIN and (size - _BEGIN) % 16 == 0
        count = (size - _BEGIN) // 16
        with open(path, "rb") as file:
            head = file.read(_BEGIN)
        if not whole or head != MARK + count.to_bytes(8, "little"):
            raise CollectError(
                f"Expected a whole file of known ids. Received: path={path}, "
                f"{size:,} bytes. Remove the archive's folder .zap/ids: it is made "
                "again from the events."
            )
        self.upper, self.lower = self._mapped(0, count), self._mapped(1, count)

    def _mapped(self, block: int, count: int) -> Halves:
        if not count:
            return np.zeros(0, np.uint64)
        offset = _BEGIN + 8 * count * block
        return np.memmap(self.path, np.dtype("<u8"), "r", offset, (count,))

    def __len__(self) -> int:
        return len(self.upper)

    def holds(self, upper: Halves, lower: Halves) -> BoolArray:
        """Which hashes are in the run.

        Args:
            upper: upper halves of what is sought, in order, which is fastest, or not.
            lower: their lower halves.
        """
        found = np.zeros(len(upper), bool)
        at = np.searchsorted(self.upper, upper)
        left = np.arange(len(upper))
        while True:
            # As a rule once: upper halves hardly repeat.
            there = at[left] < len(self)
            left = left[there]
            left = left[self.upper[at[left]] == upper[left]]
            if not len(left):
                return found
            found[left] |= self.lower[at[left]] == lower[left]
            at[left] += 1


def run_bytes(upper: Halves, lower: Halves) -> bytes:
    """The file of a run of hashes in whatever order."""
    order = np.argsort(upper, kind="stable")
    halves = (half[order].astype("<u8").tobytes() for half in (upper, lower))
    return b"".join([_head(len(upper)), *halves])


def write_merged(runs: Sequence[Run], file: BinaryIO, part: int = PART) -> None:
    """Write one run that holds what several hold.

    Args:
        runs: no hash is in two of them.
        file: where to, empty.
        part: about how many hashes are held in memory.
    """
    count = sum(len(run) for run in runs)
    file.write(_head(count))
    parts = -(-count // part)
    ends = [int(_RANGE * n // parts) - 1 for n in range(1, parts + 1)]
    begins, written = [0] * len(runs), 0
    for end in ends:
        stops = [
            int(np.searchsorted(run.upper, np.uint64(end), "right")) for run in runs
        ]
        spans = [*zip(runs, map(slice, begins, stops), strict=True)]
        upper = np.concatenate([run.upper[span] for run, span in spans])
        lower = np.concatenate([run.lower[span] for run, span in spans])
        order = np.argsort(upper, kind="stable")
        for block, half in enumerate((upper, lower)):
            file.seek(_BEGIN + 8 * (count * block + written))
            file.write(half[order].astype("<u8").tobytes())
        begins, written = stops, written + len(upper)
    assert written == count, (written, count)


def _head(count: int) -> bytes:
    return MARK + count.to_bytes(8, "little")

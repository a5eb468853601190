"""Batches of windows: each window of events once, with all cutoffs that look into it.

Cutoffs of a visit whose instances begin at the same event differ only in where they
stop, so one pass of the recurrence serves them all. Windows of like length share a
batch, so that little is padded. The order depends on the examples and the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zap.datasets.visits import InputSpec, Visits, ragged_rows, take_rows
from zap.encoding.columns import IntArray
from zap.encoding.padding import pad_instances, pad_rows
from zap.serving.frozen import at_least_one

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
LabelType = type[np.int32] | type[np.float32]

_BATCHES_A_POOL = 16
_MOST_CUTOFFS_A_WINDOW = 64


class Batch(NamedTuple):
    """Windows of events, padded to the longest, and the cutoffs that look into them.

    Attributes:
        indices: int32, shape (windows, steps, event width).
        values: float32, shape (windows, steps, event width).
        place: int32, shape (cutoffs,): window * (steps + 1) + events seen.
        metadata_indices: int32, shape (cutoffs, metadata width).
        metadata_values: float32, shape (cutoffs, metadata width).
        label: shape (cutoffs,): int32 numbers of classes, or float32 amounts.
        weight: float32, shape (cutoffs,).
    """

    indices: Int32
    values: Float32
    place: Int32
    metadata_indices: Int32
    metadata_values: Float32
    label: Int32 | Float32
    weight: Float32


@dataclass(frozen=True)
class Windows:
    """The distinct windows of a set of visits.

    Attributes:
        start: int64, shape (windows,): first event row.
        length: int64, shape (windows,): events up to the last cutoff's.
        cutoff_offsets: int64, shape (windows + 1,): the window's cutoffs; they follow
            each other in the order of the visits.
    """

    start: IntArray
    length: IntArray
    cutoff_offsets: IntArray

    @classmethod
    def of(cls, visits: Visits) -> Windows:
        """The windows of ``visits``; a window holds cutoffs that are neighbours."""
        if not visits.cutoffs:
            empty = np.zeros(0, np.int64)
            return cls(empty, empty, np.zeros(1, np.int64))
        visit = visits.cutoff_visit()
        new = np.ones(visits.cutoffs, bool)
        new[1:] = (np.diff(visit) != 0) | (np.diff(visits.start) != 0)
        first = np.flatnonzero(new)
        run = np.arange(visits.cutoffs) - np.repeat(
            first, np.diff(np.append(first, visits.cutoffs))
        )
        first = np.flatnonzero(run % _MOST_CUTOFFS_A_WINDOW == 0)
        stop = np.maximum.reduceat(visits.stop, first)
        start = visits.start[first]
        return cls(start, stop - start, np.append(first, visits.cutoffs))

    @property
    def cutoffs(self) -> IntArray:
        """Number of cutoffs of each window; int64, shape (windows,)."""
        return np.diff(self.cutoff_offsets)


class Batches:
    """All batches of a set of visits, in a new order each epoch.

    Args:
        visits: the examples.
        spec: the shape of the inputs.
        size: most windows in a batch.
        seed: of the order.
        fewest: batches that an epoch has at least, where there are windows enough;
            below that the batches are smaller.
        label_type: of the labels in a batch.
    """

    def __init__(
        self,
        visits: Visits,
        spec: InputSpec,
        size: int,
        seed: int = 0,
        fewest: int = 1,
        label_type: LabelType = np.int32,
    ):
        self.spec = at_least_one(spec)
        self._visits, self._seed, self._label_type = visits, seed, label_type
        self._windows = Windows.of(visits)
        self._size = max(1, min(size, len(self._windows.start) // fewest))

    @property
    def count(self) -> int:
        """Number of batches of an epoch."""
        return -(-len(self._windows.start) // self._size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, in the order of (seed, epoch)."""
        rng = np.random.default_rng([self._seed, epoch])
        windows = rng.permutation(len(self._windows.start))
        parts = list(self._cut(windows))
        for at in rng.permutation(len(parts)):
            yield self._batch(parts[at])

    def in_order(self) -> Iterator[tuple[Batch, IntArray]]:
        """Batches without shuffling, each with the numbers of its cutoffs."""
        for windows in self._cut(np.arange(len(self._windows.start))):
            yield self._batch(windows), self._cutoffs_of(windows)

    def _cut(self, windows: IntArray) -> Iterator[IntArray]:
        """Batches of windows of like length, from pools that follow each other.

        Sorting a pool and not all windows leaves each batch a random draw, and wastes
        little on padding.
        """
        pool = _BATCHES_A_POOL * self._size
        for begin in range(0, len(windows), pool):
            some = windows[begin : begin + pool]
            some = some[np.argsort(self._windows.length[some], kind="stable")]
            for first in range(0, len(some), self._size):
                yield some[first : first + self._size]

    def _cutoffs_of(self, windows: IntArray) -> IntArray:
        return ragged_rows(self._windows.cutoff_offsets, windows)[0]

    def _labels(self, cutoffs: IntArray) -> Int32 | Float32:
        label = self._visits.label[cutoffs]
        return label.astype(np.int32) if self._label_type is np.int32 else label

    def _batch(self, windows: IntArray) -> Batch:
        visits, spec = self._visits, self.spec
        start, length = self._windows.start[windows], self._windows.length[windows]
        steps = max(1, int(length.max()))
        indices, values, _ = pad_instances(
            visits.events, start, start + length, steps, spec.event_width
        )
        cutoffs, offsets = ragged_rows(self._windows.cutoff_offsets, windows)
        window = np.repeat(np.arange(len(windows)), np.diff(offsets))
        seen = visits.stop[cutoffs] - visits.start[cutoffs]
        metadata = pad_rows(take_rows(visits.metadata, cutoffs), spec.metadata_width)
        return Batch(
            indices,
            values,
            (window * (steps + 1) + seen).astype(np.int32),
            *metadata,
            self._labels(cutoffs),
            visits.weight[cutoffs],
        )

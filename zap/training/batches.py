"""Batches of windows: each window of events once, with all cutoffs that look into it.

Cutoffs of a visit whose instances begin at the same event differ only in where they
stop, so one pass of the recurrence serves them all. Windows of like length share a
batch, and all batches of a length have one shape, because every new shape is compiled
anew. Order and shapes depend on the examples and the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zap.datasets.visits import InputSpec, Visits, ragged_rows, take_rows
from zap.encoding.columns import IntArray
from zap.encoding.padding import pad_instances, pad_rows
from zap.serving.scorer import at_least_one

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

_LENGTHS = 4
_MOST_CUTOFFS_A_WINDOW = 64


class Batch(NamedTuple):
    """Windows of events and the cutoffs that look into them, padded to a fixed shape.

    Attributes:
        indices: int32, shape (windows, steps, event width).
        values: float32, shape (windows, steps, event width).
        place: int32, shape (cutoffs,): window * (steps + 1) + events seen.
        metadata_indices: int32, shape (cutoffs, metadata width).
        metadata_values: float32, shape (cutoffs, metadata width).
        label: int32, shape (cutoffs,).
        weight: float32, shape (cutoffs,); 0 for padding.
    """

    indices: Int32
    values: Float32
    place: Int32
    metadata_indices: Int32
    metadata_values: Float32
    label: Int32
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


@dataclass(frozen=True)
class _Shape:
    """One shape of batches and the windows that go into it."""

    steps: int
    windows: IntArray
    most_windows: int
    most_cutoffs: int


class Batches:
    """All batches of a set of visits, in a new order each epoch.

    Args:
        visits: the examples.
        spec: the shape of the inputs.
        size: most windows in a batch.
        seed: of the order.
    """

    def __init__(self, visits: Visits, spec: InputSpec, size: int, seed: int = 0):
        self._visits, self._spec, self._seed = visits, at_least_one(spec), seed
        self._windows = Windows.of(visits)
        self._shapes = list(self._plan(size))

    @property
    def count(self) -> int:
        """Number of batches of the first epoch; other epochs have nearly as many."""
        return len(self._parts(0))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, in the order of (seed, epoch)."""
        for shape, windows in self._parts(epoch):
            yield self._batch(shape, windows)

    def in_order(self) -> Iterator[tuple[Batch, IntArray]]:
        """Batches without shuffling, each with the numbers of its cutoffs."""
        for shape in self._shapes:
            for windows in self._cut(shape, shape.windows):
                yield self._batch(shape, windows), self._cutoffs_of(windows)

    def _plan(self, size: int) -> Iterator[_Shape]:
        below = -1
        for steps in window_lengths(self._windows.length, self._spec.last):
            length = self._windows.length
            windows = np.flatnonzero((length > below) & (length <= steps))
            below = steps
            cutoffs = self._windows.cutoffs[windows]
            rows = min(size, len(windows))
            room = max(int(cutoffs.max()), int(np.ceil(rows * cutoffs.mean() * 1.1)))
            yield _Shape(steps, windows, rows, room)

    def _parts(self, epoch: int) -> list[tuple[_Shape, IntArray]]:
        rng = np.random.default_rng([self._seed, epoch])
        parts = [
            (shape, windows)
            for shape in self._shapes
            for windows in self._cut(shape, rng.permutation(shape.windows))
        ]
        return [parts[at] for at in rng.permutation(len(parts))]

    def _cut(self, shape: _Shape, windows: IntArray) -> Iterator[IntArray]:
        """Greedy parts of ``windows`` that fit into the shape."""
        ends = np.concatenate(([0], np.cumsum(self._windows.cutoffs[windows])))
        begin = 0
        while begin < len(windows):
            room = np.searchsorted(ends, ends[begin] + shape.most_cutoffs, "right") - 1
            stop = min(int(room), begin + shape.most_windows)
            yield windows[begin:stop]
            begin = stop

    def _cutoffs_of(self, windows: IntArray) -> IntArray:
        return ragged_rows(self._windows.cutoff_offsets, windows)[0]

    def _batch(self, shape: _Shape, windows: IntArray) -> Batch:
        visits, spec = self._visits, self._spec
        start = np.zeros(shape.most_windows, np.int64)
        start[: len(windows)] = self._windows.start[windows]
        stop = start.copy()
        stop[: len(windows)] += self._windows.length[windows]
        indices, values, _ = pad_instances(
            visits.events, start, stop, shape.steps, spec.event_width
        )
        cutoffs, offsets = ragged_rows(self._windows.cutoff_offsets, windows)
        row = np.repeat(np.arange(len(windows)), np.diff(offsets))
        seen = visits.stop[cutoffs] - visits.start[cutoffs]
        metadata = pad_rows(take_rows(visits.metadata, cutoffs), spec.metadata_width)
        padding = shape.most_cutoffs - len(cutoffs)
        return Batch(
            indices,
            values,
            _padded((row * (shape.steps + 1) + seen).astype(np.int32), padding),
            _padded(metadata[0], padding),
            _padded(metadata[1], padding),
            _padded(visits.label[cutoffs].astype(np.int32), padding),
            _padded(visits.weight[cutoffs], padding),
        )


def window_lengths(length: IntArray, last: int) -> Sequence[int]:
    """The few lengths to which windows are padded: the last, its half, and so on.

    Lengths that no window needs are left out.
    """
    lengths = sorted({max(1, -(-last // 2**part)) for part in range(_LENGTHS)})
    needed = np.unique(np.searchsorted(lengths, length))
    return [lengths[at] for at in needed]


def _padded(column: NDArray[Any], rows: int) -> NDArray[Any]:
    return np.pad(column, [(0, rows)] + [(0, 0)] * (column.ndim - 1))

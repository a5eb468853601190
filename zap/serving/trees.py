"""Boosted trees as arrays, evaluated in numpy: the training library is not needed.

Every condition of every tree is tested at once, and none is walked to. A tree's leaves
have numbers from left to right, one bit each of 64; a condition that fails rules out
the leaves on its left, and the lowest leaf that is left over is the one where a walk
would have ended (QuickScorer: Lucchese and others, SIGIR 2015). So one instance takes
ten calls of numpy, however many trees there are. Leaf values are added in the order of
the trees, in float64, as the library adds them: scores are equal to its own, and do not
depend on the batch.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, fields
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from zap.datasets.visits import InputSpec
from zap.encoding.columns import FloatArray, IntArray
from zap.errors import BundleError
from zap.serving.frozen import at_least_one

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

_ROWS_AT_ONCE = 64
_DAMAGE = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Trees:
    """An ensemble of regression trees over some places of a vector.

    A condition holds where the place's value is at most the threshold, and leads left.
    A blank is 0. A number that is none counts as a blank.

    Attributes:
        columns: int64, ascending: the places of the vector that conditions look at.
        feature: int64, shape (conditions,): where in ``columns`` a condition looks.
        threshold: float64, shape (conditions,).
        left_out: uint64, shape (conditions,): a bit for each leaf that remains possible
            when the condition fails.
        first_condition: int64, shape (trees,): of each tree; every tree has one.
        leaf: float64, shape (leaves,): values, those of a tree from left to right.
        first_leaf: int64, shape (trees,): of each tree.
        sums: how many sums the trees take turns to add to.
        outputs: logits of an instance: 2 where the one sum is the logit of a yes, else
            as many as there are sums.
    """

    columns: IntArray
    feature: IntArray
    threshold: FloatArray
    left_out: NDArray[np.uint64]
    first_condition: IntArray
    leaf: FloatArray
    first_leaf: IntArray
    sums: int
    outputs: int

    def raw(self, x: FloatArray) -> FloatArray:
        """The sums of leaf values.

        Args:
            x: float64, shape (rows, columns): the values at ``columns``.

        Returns:
            float64, shape (rows, sums).
        """
        x = np.where(np.isnan(x), 0.0, x)
        found = np.empty((len(x), self.sums))
        for begin in range(0, len(x), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            found[rows] = self._raw(x[rows])
        return found

    def _raw(self, x: FloatArray) -> FloatArray:
        holds = x[:, self.feature] <= self.threshold
        possible = np.where(holds, ~np.uint64(0), self.left_out)
        left = np.bitwise_and.reduceat(possible, self.first_condition, axis=1)
        lowest = left & (~left + np.uint64(1))
        number = np.frexp(lowest.astype(np.float64))[1] - 1
        values = self.leaf[self.first_leaf + number]
        # One after the other: a sum in pairs would add in an order of its own.
        by_sum = values.reshape(len(x), -1, self.sums)
        total: FloatArray = np.cumsum(by_sum, axis=1)[:, -1]
        return total

    def logits(self, x: FloatArray) -> Float32:
        """Logits of dense rows; float32, shape (rows, outputs)."""
        raw = self.raw(x)
        both = np.concatenate((-raw / 2, raw / 2), axis=1)
        return (raw if self.outputs == self.sums else both).astype(np.float32)

    def to_bytes(self) -> bytes:
        """The arrays as a file of numpy's, the same bytes for the same arrays."""
        file = io.BytesIO()
        arrays = {name: np.asarray(value) for name, value in vars(self).items()}
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Trees:
        """The trees that ``to_bytes`` wrote.

        Raises:
            BundleError: these are no such bytes.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays: dict[str, Any] = {f.name: file[f.name] for f in fields(cls)}
            arrays.update((name, int(arrays[name])) for name in ("sums", "outputs"))
        except _DAMAGE as error:
            raise BundleError(
                f"Expected trees. Received: {len(content)} bytes that are none. Take "
                "the bundle from its source again, or train the model again."
            ) from error
        return cls(**arrays)


class TreesModel:
    """A frozen model of trees over the metadata of an instance; its events go unread.

    Args:
        trees: the ensemble.
        spec: the shape of the inputs.

    Raises:
        BundleError: the trees look at places that the metadata do not have.
    """

    reads_events = False

    def __init__(self, trees: Trees, spec: InputSpec):
        self.trees, self.outputs = trees, trees.outputs
        self.spec = at_least_one(spec)
        last = int(trees.columns[-1]) if len(trees.columns) else -1
        if last >= spec.metadata_size:
            raise BundleError(
                "Expected trees over the metadata of these inputs, which have "
                f"{spec.metadata_size} places. Received: a condition on place {last}. "
                "The bundle's parts do not belong together; train the model again."
            )

    @classmethod
    def from_bytes(cls, content: bytes, spec: InputSpec) -> TreesModel:
        """The model of a bundle's file.

        Raises:
            BundleError: the file is damaged, or is of other inputs.
        """
        return cls(Trees.from_bytes(content), spec)

    def score(
        self,
        indices: Int32,
        values: Float32,
        length: Int32,
        metadata_indices: Int32,
        metadata_values: Float32,
    ) -> Float32:
        """Logits of padded instances; see ``FrozenModel.score``."""
        rows, width = metadata_indices.shape
        row = np.repeat(np.arange(rows), width)
        entries = metadata_indices.ravel(), metadata_values.ravel()
        x = dense(self.trees.columns, row, *entries, rows)
        return self.trees.logits(x.astype(np.float64))


def dense(
    columns: IntArray, row: IntArray, index: Int32, value: Float32, rows: int
) -> Float32:
    """Sparse entries as dense rows of some places.

    Args:
        columns: int64, shape (columns,), ascending: the places.
        row: int64, shape (entries,).
        index: int32, shape (entries,): places of the vector.
        value: float32, shape (entries,); 0 is a blank.
        rows: how many rows there are.

    Returns:
        float32, shape (rows, columns).
    """
    found = np.zeros((rows, len(columns)), np.float32)
    place = np.minimum(np.searchsorted(columns, index), len(columns) - 1)
    known = (columns[place] == index) & (value != 0)
    found[row[known], place[known]] = value[known]
    return found

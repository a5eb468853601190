"""Columns of events and flat histories, the one batch layout, in numpy alone.

Everything between reading and encoding works on these: columns sorted by (subject,
total order) with subject offsets. They hold no engine's own types, so the same code
encodes a batch on a worker and one instance in a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
Int32Array: TypeAlias = NDArray[np.int32]
BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.float64]
Float32Array: TypeAlias = NDArray[np.float32]

MISSING = -1  # the code of an absent value in a Categorical


@dataclass(frozen=True)
class Numeric:
    """Numbers, one a row; NaN where there is none.

    Attributes:
        values: float64, shape (rows,). Whole numbers are exact up to 2**53.
    """

    values: FloatArray

    def __post_init__(self) -> None:
        assert self.values.dtype == np.float64, self.values.dtype

    def __len__(self) -> int:
        return len(self.values)

    @property
    def valid(self) -> BoolArray:
        """True where there is a value; shape (rows,)."""
        return ~np.isnan(self.values)

    def take(self, rows: IntArray) -> Numeric:
        """The column's values at ``rows``; a negative row gives a missing value."""
        if not len(self.values):
            return Numeric(np.full(len(rows), np.nan))
        return Numeric(np.where(rows < 0, np.nan, self.values[rows]))


@dataclass(frozen=True)
class Categorical:
    """Values stored once each, and one code a row.

    Attributes:
        codes: int32, shape (rows,): places in ``distinct``, ``MISSING`` where absent.
        distinct: the values. A value is a str, or a tuple of str for a field that has
            several values (the segments of a path).
    """

    codes: NDArray[np.int32]
    distinct: Sequence[Any]

    def __post_init__(self) -> None:
        assert self.codes.dtype == np.int32, self.codes.dtype

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def valid(self) -> BoolArray:
        """True where there is a value; shape (rows,)."""
        return np.not_equal(self.codes, MISSING)

    def take(self, rows: IntArray) -> Categorical:
        """The column's values at ``rows``; a negative row gives a missing value."""
        if not len(self.codes):
            codes = np.full(len(rows), MISSING, np.int32)
        else:
            codes = np.where(rows < 0, np.int32(MISSING), self.codes[rows])
        return Categorical(codes, self.distinct)


Column: TypeAlias = Numeric | Categorical


@dataclass(frozen=True)
class FlatHistories:
    """The events of many subjects, sorted by subject and then in total order.

    Attributes:
        offsets: int64, shape (subjects + 1,): subject s owns the events
            offsets[s]..offsets[s + 1].
        time_us: int64, shape (events,): timestamps in microseconds since 1970, UTC;
            they never fall within a subject.
        columns: the fields of the events by name. ``"type"`` is always among them, as
            a Categorical without missing values.
    """

    offsets: IntArray
    time_us: IntArray
    columns: Mapping[str, Column]

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return len(self.offsets) - 1

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.time_us)


@dataclass(frozen=True)
class Cutoffs:
    """Where predictions would have been made.

    Attributes:
        subject: int64, shape (cutoffs,): the row of the subject in the histories.
        position: int64, shape (cutoffs,): index among all events; the past is
            offsets[subject]..position.
        instant_us: int64, shape (cutoffs,): the instant in microseconds, UTC.
    """

    subject: IntArray
    position: IntArray
    instant_us: IntArray

    def __len__(self) -> int:
        return len(self.subject)

    def select(self, keep: BoolArray | IntArray) -> Cutoffs:
        """The cutoffs at ``keep`` (a mask or indices), in that order."""
        return Cutoffs(self.subject[keep], self.position[keep], self.instant_us[keep])


@dataclass(frozen=True)
class SparseRows:
    """Sparse vectors, one a row, in compressed form.

    Attributes:
        offsets: int64, shape (rows + 1,).
        indices: int32, shape (entries,): ascending and unique within a row.
        values: float32, shape (entries,): in [0, 1]; 1.0 for the ones of a bit vector.
        sources: int64, shape (entries,): which features made each entry, bit i for the
            i-th; hashed features share places, so the index alone does not tell. None
            where nobody asked.
    """

    offsets: IntArray
    indices: NDArray[np.int32]
    values: NDArray[np.float32]
    sources: IntArray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

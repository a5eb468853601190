"""The row of metadata of one subject at one cutoff, in plain Python.

Last values repeat from request to request, so what they encode to is remembered by the
values, up to the first source that is told by the time; times are placed anew.
Aggregates: ``zap.encoding.window_row``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zap.encoding.columns import SparseRows
from zap.encoding.event_rows import Row
from zap.encoding.features import Feature, Hash
from zap.encoding.known_values import KnownBuckets
from zap.encoding.metadata import Last, Metadata, Tenure
from zap.encoding.scalars import Scalar, scalar_of

_MOST_KNOWN = 256


class MetadataRow:
    """Makes the metadata of single instances, for one encoder.

    Args:
        sources: the sources in declared order, each with the feature that encodes it.
        buckets: number of hash buckets of the metadata.
        seed: seed of the hash.

    Attributes:
        size: number of places.
    """

    def __init__(
        self, sources: Sequence[tuple[Metadata, Feature]], buckets: int, seed: int
    ):
        lasts = [source for source, _ in sources if isinstance(source, Last)]
        numbered = iter(range(len(lasts)))
        self._hashed: list[tuple[int, KnownBuckets]] = []
        self._own: list[tuple[Metadata, int, Scalar]] = []
        start = buckets
        for source, feature in sources:
            place = next(numbered) if isinstance(source, Last) else -1
            if isinstance(feature, Hash):
                self._hashed.append((place, KnownBuckets(feature, buckets, seed)))
            else:
                self._own.append((source, place, scalar_of(feature, start)))
                start += feature.size
        self.size = start
        timed = [i for i, (_, place, _) in enumerate(self._own) if place < 0]
        first = timed[0] if timed else len(self._own)
        self._own, self._from_timed = self._own[:first], self._own[first:]
        self._any_last = bool(lasts)
        self._known: dict[tuple[Any, ...], SparseRows] = {}

    def row(
        self, rows: Sequence[Row], times: Sequence[int], moment_us: int
    ) -> SparseRows:
        """The one row, in arrays of its own.

        Args:
            rows: all events of the past, in order.
            times: timestamps of the kept ones, in microseconds.
            moment_us: the instant.
        """
        lasts = self._last_values(rows)
        found = self._known.get(lasts)
        if found is None:
            found = self._before_times(lasts)
            if len(self._known) >= _MOST_KNOWN:
                self._known = {}
            self._known[lasts] = found
        if self._from_timed:
            return self._with_times(found, lasts, times, moment_us)
        return SparseRows(
            found.offsets.copy(), found.indices.copy(), found.values.copy()
        )

    def _last_values(self, rows: Sequence[Row]) -> tuple[Any, ...]:
        if not self._any_last:
            return ()
        lasts = rows[-1].lasts
        if None not in lasts:
            return lasts
        found = list(lasts)
        for place in [i for i, value in enumerate(found) if value is None]:
            for row in reversed(rows):
                if row.lasts[place] is not None:
                    found[place] = row.lasts[place]
                    break
        return tuple(found)

    def _before_times(self, lasts: tuple[Any, ...]) -> SparseRows:
        """The entries up to the first one that is told by the time."""
        places: set[int] = set()
        for place, known in self._hashed:
            places.update(known[lasts[place]])
        indices = sorted(places)
        weights = [1.0] * len(indices)
        for _, place, scalar in self._own:
            if lasts[place] is not None:
                found, shares = scalar(lasts[place])
                indices += found
                weights += shares
        return _one_row(indices, weights)

    def _with_times(
        self,
        before: SparseRows,
        lasts: tuple[Any, ...],
        times: Sequence[int],
        moment_us: int,
    ) -> SparseRows:
        """The entries before, and those from the first one that is told by the time."""
        indices, weights = before.indices.tolist(), before.values.tolist()
        for source, place, scalar in self._from_timed:
            value = None
            if place >= 0:
                value = lasts[place]
            elif times:
                since = times[0] if isinstance(source, Tenure) else times[-1]
                value = max((moment_us - since) / 1e6, 0.0)
            if value is not None:
                found, shares = scalar(value)
                indices += found
                weights += shares
        return _one_row(indices, weights)


def _one_row(indices: Sequence[int], weights: Sequence[float]) -> SparseRows:
    return SparseRows(
        np.array([0, len(indices)]),
        np.array(indices, np.int32),
        np.array(weights, np.float32),
    )

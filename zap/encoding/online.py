"""One instance, as a server encodes it: a dictionary's look-up for each known event.

As a batch of one subject an instance of 40 events takes some two hundred calls into
numpy, each dearer than hashing an event. Here the rows of known events are found by the
values of their fields and joined as bytes; what depends on the event before is filled
in for all of them at once. Loops over events run inside ``map``.

The batch path says what is right. Whatever is not usual (values that cannot be encoded,
columns of mixed types, times beyond reason) is left to it, and so it raises all errors.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from zap.encoding.aggregates import DAY_US
from zap.encoding.columns import IntArray, SparseRows
from zap.encoding.cutoff_row import MetadataRow
from zap.encoding.event_rows import Row, RowMaker, Shape
from zap.encoding.feature import Feature
from zap.encoding.features import SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.kinds import Kinds
from zap.encoding.known_rows import KnownRows
from zap.encoding.metadata import Metadata
from zap.encoding.packed_rows import Packed, own_blocks
from zap.encoding.past import LATEST_US, Event, Unusual, moment_of, ordered
from zap.encoding.row_cache import CacheLimits
from zap.encoding.window_row import WindowRow
from zap.errors import EncodingError

_SHAPE, _INDICES, _WEIGHTS = map(itemgetter, range(3))  # of a Row
_ONES = np.ones(4096, np.float32)  # a copy is a microsecond quicker than new ones


class Online:
    """Encodes single instances for one encoder.

    Safe to use from several threads: the caches are read by single operations on
    dicts, and what two threads learn at once is the same.

    Args:
        instance: a fitted instance, with edges.
        sources: the sources of metadata, each with the feature that encodes it.
        buckets: number of hash buckets of events, and of metadata.
        limits: see ``CacheLimits``.

    Attributes:
        cache: the rows of known events.
    """

    def __init__(
        self,
        instance: Instance,
        sources: Sequence[tuple[Metadata, Feature]],
        buckets: tuple[int, int],
        limits: CacheLimits,
    ):
        self._kinds = Kinds(instance, [feature for _, feature in sources])
        self._maker = RowMaker(instance, buckets[0], self._kinds)
        self._last = instance.last
        lookback = (instance.lookback_days or 0) * DAY_US
        self._compares = instance.compares
        since = [f for f in instance.fields if isinstance(f, SincePrevious)]
        self._usual = lookback < LATEST_US and not any(f.smooth for f in since)
        self._lookback_us = round(lookback) if self._usual and lookback else None
        self._since = list(_tables(instance, buckets[0])) if self._usual else []
        self._metadata = MetadataRow(sources, buckets[1], instance.hash_seed)
        fields, numbers = instance.reads.fields, self._kinds.numbers
        self._windows: WindowRow | None = None
        if instance.all_aggregates:
            start = self._metadata.size
            self._windows = WindowRow(instance.all_aggregates, fields, start)
        self._rows = KnownRows(fields, self._maker, limits, numbers)
        self.cache = self._rows.cache

    def encode(
        self,
        events: Sequence[Event],
        instant: datetime | int | None,
        with_windows: bool = True,
    ) -> tuple[SparseRows, SparseRows]:
        """The sequence's rows, and the row of metadata.

        Args:
            events: see ``Encoder.encode_instance``.
            instant: likewise.
            with_windows: whether to measure the aggregates, if there are any.

        Raises:
            Unusual: the batch path is to encode it.
        """
        if not (self._usual and len(events)):
            raise Unusual
        try:
            events, times = ordered(events)
            moment = moment_of(events, times[-1], instant)
            rows = self._rows.find(events)
        except EncodingError as error:
            raise Unusual from error
        shapes = set(map(_SHAPE, rows))
        kept, kept_times = rows, times
        if not self._all_kept(shapes):
            ours = [row.shape.kept for row in rows]
            kept, kept_times = list(compress(rows, ours)), list(compress(times, ours))
        start = max(0, len(kept) - self._last)
        if self._lookback_us is not None:
            start = max(start, bisect_left(kept_times, moment - self._lookback_us))
        alike = len(shapes) == 1 or len({s.repeating for s in shapes if s.kept}) == 1
        sequence = self._sequence(kept, kept_times, start, alike)
        metadata = self._metadata.row(rows, kept_times, moment)
        if self._windows is not None and with_windows:
            metadata = self._windows.after(metadata, kept, kept_times, moment)
        return sequence, metadata

    def _all_kept(self, shapes: set[Shape]) -> bool:
        """True where the instance keeps all events."""
        kinds, kept = 0, True
        for shape in shapes:
            kinds |= shape.kinds
            kept &= shape.kept
        if not self._kinds.usual(kinds):
            raise Unusual
        return kept

    def _sequence(
        self, rows: list[Row], times: list[int], start: int, alike: bool
    ) -> SparseRows:
        """The rows from ``start`` on.

        Args:
            rows: of all kept events.
            times: their timestamps.
            start: the first one of the sequence.
            alike: in all of them the values repeat that are left out if they do.
        """
        window = rows[start:]
        indices = list(map(_INDICES, window))
        weights = list(map(_WEIGHTS, window)) if self._maker.weighted else None
        if self._compares:
            for i in range(min(len(window), 1 - start) if alike else len(window)):
                changed = self._changed(rows, start + i)
                if changed is not None:
                    indices[i] = changed[0]
                    if weights is not None:
                        weights[i] = changed[1]
        found = _joined(indices, weights)
        if self._since:
            moments = np.array(times[max(start - 1, 0) :], np.int64)
            elapsed = moments[1:] - moments[:-1]
            for blank, edges, places in self._since:
                at = found.indices == blank
                found.indices[at] = places[edges.searchsorted(elapsed, "right")]
        return found

    def _changed(self, rows: list[Row], at: int) -> Packed | None:
        """The row of an event in which not everything repeats the one before."""
        if at:
            shape, before = rows[at].shape, rows[at - 1].shape
            if shape is before or shape.repeating == before.repeating:
                return None
        return self._maker.variant(rows, at)


def _joined(indices: list[bytes], weights: list[bytes] | None) -> SparseRows:
    """Packed rows one after the other; without weights all values are 1."""
    offsets = np.zeros(len(indices) + 1, np.int64)
    np.fromiter(map(len, indices), np.int64, len(indices)).cumsum(out=offsets[1:])
    offsets >>= 2
    found = np.frombuffer(bytearray().join(indices), np.int32)
    if weights is None:
        ones = _ONES if len(found) <= len(_ONES) else np.ones(len(found), np.float32)
        return SparseRows(offsets, found, ones[: len(found)].copy())
    values = np.frombuffer(bytearray().join(weights), np.float32)
    return SparseRows(offsets, found, values)


def _tables(
    instance: Instance, buckets: int
) -> Iterator[tuple[int, IntArray, NDArray[np.int32]]]:
    """Of each SincePrevious its blank, edges in microseconds, and places.

    An edge becomes the first whole number of microseconds that reaches it, found by
    the very division that the batch path does.
    """
    for feature, start in own_blocks(instance.fields, buckets):
        if not isinstance(feature, SincePrevious):
            continue
        edges = [
            bisect_left(range(2 * LATEST_US + 1), edge, key=lambda us: us / 1e6)
            for edge in feature.edge_array().tolist()
        ]
        places = start + np.maximum(np.arange(len(edges) + 1) - 1, 0)
        yield start, np.array(edges, np.int64), places.astype(np.int32)

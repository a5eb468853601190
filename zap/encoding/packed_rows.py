"""Places of single events' rows, packed as bytes, so that one call joins many rows.

A row depends on the event before in two ways: by the time since then, for which it
holds a blank, the first place of its block; and by values that are left out where they
repeat. A row is made for the case that all of these do, which is nearly always so;
``Packer.variant`` makes the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from operator import itemgetter
from struct import Struct
from typing import Any

from zap.encoding.feature import Feature
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.kinds import gives_shares
from zap.encoding.known_values import KnownBuckets, KnownShares, Ones
from zap.encoding.scalars import Shares, scalar_of

Packed = tuple[bytes, bytes]  # int32 and float32; the second empty if all are 1
Values = tuple[Any, ...]

_PLACES = itemgetter(0)  # of Shares
_MOST_VARIANTS = 256


class Packer:
    """Packs rows of events for one encoder.

    Args:
        instance: a fitted instance.
        buckets: number of hash buckets of its events.

    Attributes:
        weighted: values other than 1 may occur.
        hashed: places of the fields whose every value is hashed, among those read.
        repeating: places of the fields that are left out where they repeat.
    """

    def __init__(self, instance: Instance, buckets: int):
        fields, seed = instance.reads.fields, instance.hash_seed
        self.weighted = any(gives_shares(feature) for feature in instance.fields)
        hashes = [
            (feature.drops_repeats, fields.index(feature.field), feature)
            for feature in instance.fields
            if isinstance(feature, Hash)
        ]
        self.hashed = [place for drops, place, _ in hashes if not drops]
        self.repeating = [place for drops, place, _ in hashes if drops]
        self._always = [KnownBuckets(f, buckets, seed) for d, _, f in hashes if not d]
        self._unless_repeated = [
            KnownBuckets(f, buckets, seed) for d, _, f in hashes if d
        ]
        blocks = list(own_blocks(instance.fields, buckets))
        self._blanks = {at for each, at in blocks if isinstance(each, SincePrevious)}
        self._own = [
            (fields.index(feature.field), KnownShares(scalar_of(feature, start)))
            for feature, start in blocks
            if start not in self._blanks
        ]
        self._buckets = buckets
        self._variants: dict[tuple[Values, Values | None], Packed] = {}

    def packed(self, columns: Sequence[Values]) -> tuple[list[bytes], list[bytes]]:
        """Rows as bytes of int32 and of float32, where everything repeats.

        Args:
            columns: plain values by field.
        """
        count = len(columns[0])
        places: list[Iterable[Ones]] = [[()] * count]  # there may be no others
        for place, buckets in zip(self.hashed, self._always, strict=True):
            places.append(buckets.column(columns[place]))
        shares = [known.column(columns[place]) for place, known in self._own]
        places += [map(_PLACES, found) for found in shares]
        rows = list(map(sorted, map(self._blanks.union, *places)))
        indices = [_ints(len(row))(*row) for row in rows]
        if not self.weighted:
            return indices, [b""] * count
        return indices, list(map(_weights, rows, zip(*shares, strict=True)))

    def variant(
        self, indices: bytes, weights: bytes, values: Values, before: Values | None
    ) -> Packed:
        """A row by the one before it: what does not repeat is there.

        Args:
            indices: of the row where everything repeats.
            weights: likewise.
            values: the event's plain values.
            before: the ``repeating`` ones of the event before; None where there is
                none, and so no time since then.
        """
        found = self._variants.get((values, before))
        if found is None:
            found = self._varied(indices, weights, values, before)
            if len(self._variants) >= _MOST_VARIANTS:
                self._variants = {}
            self._variants[values, before] = found
        return found

    def _varied(
        self, packed: bytes, weights: bytes, values: Values, before: Values | None
    ) -> Packed:
        indices = array("i", packed)
        without = self._blanks if before is None else ()
        own = [i for i in indices if i >= self._buckets and i not in without]
        places = {i for i in indices if i < self._buckets}
        shared = len(places)
        for at, place in enumerate(self.repeating):
            if before is None or values[place] != before[at]:
                places.update(self._unless_repeated[at][values[place]])
        changed = array("i", [*sorted(places), *own]).tobytes()
        if not self.weighted:
            return changed, b""
        pairs = zip(indices[shared:], array("f", weights)[shared:], strict=True)
        kept = [weight for i, weight in pairs if i not in without]
        return changed, array("f", [1.0] * len(places) + kept).tobytes()


def own_blocks(
    features: Sequence[Feature], buckets: int
) -> Iterator[tuple[Feature, int]]:
    """Each feature with a block of its own, and the block's first place."""
    own = [feature for feature in features if not isinstance(feature, Hash)]
    starts = accumulate((feature.size for feature in own), initial=buckets)
    return zip(own, starts, strict=False)


@cache
def _ints(size: int) -> Callable[..., bytes]:
    return Struct(f"{size}i").pack


def _weights(row: list[int], shares: Sequence[Shares]) -> bytes:
    """The values of a row's entries: 1, unless its shares say otherwise."""
    by_place = dict.fromkeys(row, 1.0)
    for places, values in shares:
        by_place.update(zip(places, values, strict=True))
    return array("f", by_place.values()).tobytes()

"""Rows of events from their values, in plain Python, a field at a time.

A row is what an event gives whatever stands before it. Two things depend on the event
before: the time since then, for which the row holds a blank, the first place of its
block; and values that are left out where they repeat. A row is made for the case that
all of these do, which is nearly always so; ``variant`` makes the others. Rows are
packed as bytes, so that those of an instance are joined by one call.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import accumulate, chain
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple

from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import AnyType, Instance
from zap.encoding.kinds import Kinds, gives_shares
from zap.encoding.known_values import KnownBuckets, KnownShares, Ones
from zap.encoding.metadata import Last
from zap.encoding.scalars import Shares, scalar_of
from zap.encoding.single import plain_value
from zap.errors import EncodingError

Packed = tuple[bytes, bytes]
Values = tuple[Any, ...]
_PLACES = itemgetter(0)  # of Shares
_TEXTS = {str, type(None)}
_SEVERAL = {str, tuple, type(None)}
_MOST_SHAPES = 1000
_MOST_VARIANTS = 256


class Shape:
    """What events have in common that follow each other; few in all.

    Attributes:
        kept: the instance keeps events of this type.
        kinds: which numeric fields hold numbers and which texts; see ``Kinds``.
        repeating: the values that are left out where the next event repeats them.
    """

    __slots__ = ("kept", "kinds", "repeating")

    def __init__(self, kept: bool, kinds: int, repeating: Values):
        self.kept, self.kinds, self.repeating = kept, kinds, repeating


class Row(NamedTuple):
    """One event's row.

    Attributes:
        shape: see ``Shape``; one object for equal ones, as a rule.
        indices: bytes of int32: the row where everything repeats.
        weights: bytes of float32: its values. Empty if they can only be 1.
        lasts: the value that each ``Last`` finds here, or None.
        values: the plain values of the fields that the instance reads.
    """

    shape: Shape
    indices: bytes
    weights: bytes
    lasts: Values
    values: Values


_row = partial(tuple.__new__, Row)  # what Row._make calls from Python


class RowMaker:
    """Makes rows of events for one encoder.

    Args:
        instance: a fitted instance.
        buckets: number of hash buckets of its events.
        kinds: of the same instance.

    Attributes:
        weighted: values other than 1 may occur.
    """

    def __init__(self, instance: Instance, buckets: int, kinds: Kinds):
        self.weighted = any(gives_shares(feature) for feature in instance.fields)
        self._fields = instance.reads.fields
        self._type = self._fields.index("type")
        self._kinds = kinds
        self._types = instance.types
        self._lasts = [
            (self._fields.index(source.field), source.types)
            for source in instance.metadata
            if isinstance(source, Last)
        ]
        self._buckets = buckets
        self._always: list[tuple[int, KnownBuckets]] = []
        self._unless_repeated: list[tuple[int, KnownBuckets]] = []
        for feature in instance.fields:
            if isinstance(feature, Hash):
                known = KnownBuckets(feature, buckets, instance.hash_seed)
                drops = feature.drops_repeats
                (self._unless_repeated if drops else self._always).append(
                    (self._fields.index(feature.field), known)
                )
        blocks = list(own_blocks(instance.fields, buckets))
        self._blanks = {at for each, at in blocks if isinstance(each, SincePrevious)}
        self._own = [
            (self._fields.index(feature.field), KnownShares(scalar_of(feature, start)))
            for feature, start in blocks
            if start not in self._blanks
        ]
        looked_into = {place for place, _ in self._always}
        self._plain = [
            _SEVERAL if place in looked_into else _TEXTS
            for place in range(len(self._fields))
        ]
        self._shapes: dict[Values, Shape] = {}
        self._variants: dict[tuple[Values, Values | None], Packed] = {}

    def rows(
        self,
        values: Sequence[Values],
        columns: Sequence[Values],
        types: Sequence[set[type]],
    ) -> list[Row]:
        """The rows of some events.

        Args:
            values: those of each event, in the order of the fields read.
            columns: the same by field.
            types: the types of each column's values.

        Raises:
            EncodingError: an event lacks its type, a value cannot be encoded, or a
                numeric field holds text.
        """
        if types[self._type] != {str}:
            raise EncodingError("An event needs a type, a text.")
        odd = [p for p, kinds in enumerate(types) if not kinds <= self._plain[p]]
        if odd:
            columns = list(columns)
            for place in odd:
                field, kinds = self._fields[place], types[place]
                columns[place] = plain_column(columns[place], field, kinds)
            values = list(zip(*columns, strict=True))
        kept = {kind: self._keeps(kind) for kind in {*columns[self._type]}}
        shapes = self._shapes_of(columns, values, kept)
        indices, weights = self._packed(columns)
        lasts = self._last_values(columns, kept)
        return list(
            map(_row, zip(shapes, indices, weights, lasts, values, strict=True))
        )

    def variant(self, rows: Sequence[Row], at: int) -> Packed:
        """A row by the one before it: what does not repeat is there.

        Args:
            rows: those of all kept events.
            at: which.
        """
        row = rows[at]
        before = rows[at - 1].shape.repeating if at else None
        found = self._variants.get((row.values, before))
        if found is None:
            found = self._varied(row, before)
            if len(self._variants) >= _MOST_VARIANTS:
                self._variants = {}
            self._variants[row.values, before] = found
        return found

    def _varied(self, row: Row, before: Values | None) -> Packed:
        """The row with what does not repeat; without blanks where none is before."""
        indices = array("i", row.indices)
        without = self._blanks if before is None else ()
        own = [i for i in indices if i >= self._buckets and i not in without]
        places = {i for i in indices if i < self._buckets}
        shared = len(places)
        for at, (place, known) in enumerate(self._unless_repeated):
            if before is None or row.values[place] != before[at]:
                places.update(known[row.values[place]])
        packed = array("i", [*sorted(places), *own]).tobytes()
        if not self.weighted:
            return packed, b""
        weights = array("f", row.weights)[shared:]
        kept = [
            weight
            for i, weight in zip(indices[shared:], weights, strict=True)
            if i not in without
        ]
        return packed, array("f", [1.0] * len(places) + kept).tobytes()

    def _packed(self, columns: Sequence[Values]) -> tuple[list[bytes], list[bytes]]:
        """Rows as bytes of int32 and of float32, where everything repeats.

        Args:
            columns: plain values by field.
        """
        count = len(columns[0])
        places: list[Iterable[Ones]] = [[()] * count]  # there may be no others
        places += [known.column(columns[place]) for place, known in self._always]
        shares = [known.column(columns[place]) for place, known in self._own]
        places += [map(_PLACES, found) for found in shares]
        rows = list(map(sorted, map(self._blanks.union, *places)))
        packed = [_ints(len(row))(*row) for row in rows]
        if not self.weighted:
            return packed, [b""] * count
        return packed, list(map(self._weights, rows, zip(*shares, strict=True)))

    def _weights(self, row: list[int], shares: Sequence[Shares]) -> bytes:
        """The values of a row's entries: 1, unless its shares say otherwise."""
        by_place = dict.fromkeys(row, 1.0)
        for places, values in shares:
            by_place.update(zip(places, values, strict=True))
        return array("f", by_place.values()).tobytes()

    def _shapes_of(
        self,
        columns: Sequence[Values],
        values: Sequence[Values],
        keeps: Mapping[str, bool],
    ) -> list[Shape]:
        kept = map(keeps.__getitem__, columns[self._type])
        kinds = [0] * len(values)
        if self._kinds.places:
            kinds = list(map(self._kinds.of, values))
            if not all(map(self._kinds.usual, kinds)):
                raise EncodingError("Bins, ranges and sums need numbers.")
        repeating = [columns[place] for place, _ in self._unless_repeated]
        keys = list(zip(kept, kinds, *repeating, strict=True))
        if len(self._shapes) > _MOST_SHAPES:
            self._shapes = {}
        known = self._shapes
        return [
            known.get(key) or known.setdefault(key, Shape(key[0], key[1], key[2:]))
            for key in keys
        ]

    def _keeps(self, kind: str) -> bool:
        if isinstance(self._types, AnyType):
            return not kind.startswith(DIMENSION_PREFIX)
        return kind in self._types

    def _last_values(
        self, columns: Sequence[Values], keeps: Mapping[str, bool]
    ) -> list[Values]:
        """A ``Last`` sees the kept types and those that it names."""
        kinds = columns[self._type]
        if not self._lasts:
            return [()] * len(kinds)
        found = []
        for place, types in self._lasts:
            unseen = [k for k, kept in keeps.items() if not (kept or k in types)]
            values = columns[place]
            if unseen:
                pairs = zip(values, kinds, strict=True)
                values = tuple([None if k in unseen else v for v, k in pairs])
            found.append(values)
        return list(zip(*found, strict=True))


@cache
def _ints(size: int) -> Callable[..., bytes]:
    return Struct(f"{size}i").pack


def own_blocks(
    features: Sequence[Feature], buckets: int
) -> Iterator[tuple[Feature, int]]:
    """Each feature with a block of its own, and the block's first place."""
    own = [feature for feature in features if not isinstance(feature, Hash)]
    starts = accumulate((feature.size for feature in own), initial=buckets)
    return zip(own, starts, strict=False)


def plain_column(values: Values, field: str, kinds: set[type]) -> Values:
    """The values as floats, texts, tuples of texts, or None.

    Raises:
        EncodingError: a value of another type.
    """
    if kinds <= _SEVERAL:
        several = [value for value in values if type(value) is tuple]
        if {str}.issuperset(map(type, chain.from_iterable(several))):
            return values
    return tuple(
        [
            value if value is None or type(value) is str else plain_value(value, field)
            for value in values
        ]
    )

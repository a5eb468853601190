"""Rows of events from their values, in plain Python, a field at a time.

A row is what an event gives whatever stands before it. Two things depend on the event
before: the time since then, for which the row holds a blank, and values that are left
out where they repeat. A row is made for the case that all of these do, which is nearly
always so; ``variant`` makes the others. Rows are packed as bytes, so that those of an
instance are joined by one call.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from struct import pack
from typing import Any, NamedTuple

from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import AnyType, Instance
from zap.encoding.kinds import Kinds, gives_shares
from zap.encoding.metadata import Last
from zap.encoding.scalars import Known, Ones, Shares, hashed, known_scalar
from zap.encoding.single import plain_value
from zap.errors import EncodingError

BLANK = -1  # stands for the place of the first SincePrevious; -2 for the second

Packed = tuple[bytes, bytes]
Values = tuple[Any, ...]
Hashed = tuple[int, Known[Ones]]  # a field's place among the values, and its buckets

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
        self._always: list[Hashed] = []
        self._unless_repeated: list[Hashed] = []
        for feature in instance.fields:
            if isinstance(feature, Hash):
                place = self._fields.index(feature.field)
                known = hashed(feature, buckets, instance.hash_seed)
                drops = feature.drops_repeats
                (self._unless_repeated if drops else self._always).append(
                    (place, known)
                )
        self._buckets = buckets
        self._own = list(self._own_blocks(instance.fields, buckets))
        self._shapes: dict[Values, Shape] = {}
        self._variants: dict[tuple[Values, Values | None], Packed] = {}

    def _own_blocks(
        self, features: Sequence[Feature], buckets: int
    ) -> Iterator[tuple[int, Known[Shares] | None]]:
        """Place among the values and what they give; a blank's number and None."""
        own = [feature for feature in features if not isinstance(feature, Hash)]
        starts = accumulate((f.size for f in own), initial=buckets)
        blank = BLANK
        for feature, start in zip(own, starts, strict=False):
            if isinstance(feature, SincePrevious):
                yield blank, None
                blank -= 1
            else:
                place = self._fields.index(feature.field)
                yield place, known_scalar(feature, start)

    def rows(self, columns: Sequence[Values], types: Sequence[set[type]]) -> list[Row]:
        """The rows of some events.

        Args:
            columns: their values by field, in the order of the fields read.
            types: the types of each column's values.

        Raises:
            EncodingError: an event lacks its type, a value cannot be encoded, or a
                numeric field holds text.
        """
        if types[self._type] != {str}:
            raise EncodingError("An event needs a type, a text.")
        columns = [
            values if kinds <= _TEXTS else plain_column(values, field, kinds)
            for values, field, kinds in zip(columns, self._fields, types, strict=True)
        ]
        values = list(zip(*columns, strict=True))
        shapes = self._shapes_of(columns, values)
        indices, weights = self._packed(columns)
        lasts = self._last_values(columns)
        rows = zip(shapes, indices, weights, lasts, values, strict=True)
        return list(map(Row._make, rows))

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
        own = [
            i for i in indices if i >= self._buckets or (i < 0 and before is not None)
        ]
        places = {i for i in indices if 0 <= i < self._buckets}
        shared = len(places)
        for at, (place, known) in enumerate(self._unless_repeated):
            if before is None or row.values[place] != before[at]:
                places.update(*known.column((row.values[place],)))
        packed = array("i", [*sorted(places), *own]).tobytes()
        if not self.weighted:
            return packed, b""
        kept = [
            weight
            for i, weight in zip(
                indices[shared:], array("f", row.weights)[shared:], strict=True
            )
            if i >= 0 or before is not None
        ]
        return packed, array("f", [1.0] * len(places) + kept).tobytes()

    def _packed(self, columns: Sequence[Values]) -> tuple[list[bytes], list[bytes]]:
        """Rows as bytes of int32 and of float32, where everything repeats.

        Args:
            columns: plain values by field.
        """
        count = len(columns[0])
        buckets = [known.column(columns[place]) for place, known in self._always]
        rows: list[list[int]] = [[] for _ in range(count)]
        if buckets:
            rows = list(map(sorted, map(set().union, *buckets)))
        weights = [[1.0] * len(row) for row in rows] if self.weighted else []
        for place, known in self._own:
            blanks: list[Shares] = [((place,), (1.0,))] * count
            found = blanks if known is None else known.column(columns[place])
            for row, (places, _) in zip(rows, found, strict=True):
                row += places
            if self.weighted:
                for row_weights, (_, shares) in zip(weights, found, strict=True):
                    row_weights += shares
        packed = [pack(f"{len(row)}i", *row) for row in rows]
        if not self.weighted:
            return packed, [b""] * count
        return packed, [pack(f"{len(row)}f", *row) for row in weights]

    def _shapes_of(
        self, columns: Sequence[Values], values: Sequence[Values]
    ) -> list[Shape]:
        kept = map(self._keeps, columns[self._type])
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

    def _last_values(self, columns: Sequence[Values]) -> list[Values]:
        """A ``Last`` sees the kept types and those that it names."""
        kinds = columns[self._type]
        if not self._lasts:
            return [()] * len(kinds)
        distinct = set(kinds)
        found = []
        for place, types in self._lasts:
            unseen = [k for k in distinct if not (self._keeps(k) or k in types)]
            values = columns[place]
            if unseen:
                pairs = zip(values, kinds, strict=True)
                values = tuple([None if k in unseen else v for v, k in pairs])
            found.append(values)
        return list(zip(*found, strict=True))


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

"""Rows of events from their values, in plain Python, a field at a time.

A row is what an event gives whatever stands before it; see ``packed_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.encoding.instance import AnyType, Instance
from zap.encoding.kinds import Kinds
from zap.encoding.metadata import Last
from zap.encoding.packed_rows import Packed, Packer, Values
from zap.encoding.single import plain_value
from zap.errors import EncodingError

_TEXTS = {str, type(None)}
_SEVERAL = {str, tuple, type(None)}  # whoever hashes a tuple looks into it
_MOST_SHAPES = 1000


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
        self._packer = Packer(instance, buckets)
        self.weighted = self._packer.weighted
        self._fields = instance.reads.fields
        self._type = self._fields.index("type")
        self._kinds = kinds
        self._types = instance.types
        self._lasts = [
            (self._fields.index(source.field), source.types)
            for source in instance.metadata
            if isinstance(source, Last)
        ]
        self._plain = [
            _SEVERAL if place in self._packer.hashed else _TEXTS
            for place in range(len(self._fields))
        ]
        self._shapes: dict[Values, Shape] = {}

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
        indices, weights = self._packer.packed(columns)
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
        _, indices, weights, _, values = rows[at]
        before = rows[at - 1].shape.repeating if at else None
        return self._packer.variant(indices, weights, values, before)

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
        repeating = [columns[place] for place in self._packer.repeating]
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

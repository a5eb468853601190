"""What features read: numbers or texts, and which give values other than 1.

A column of a batch is either numeric or of texts; a single text among numbers makes all
of them texts, which no numeric feature accepts. So what one event encodes to depends on
all others of its instance, and whoever encodes events one by one must know when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.encoding.binned import Binned
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, Normalize, OneHot
from zap.encoding.instance import Instance

TRUTH = {"true": 1.0, "false": 0.0}


class Kinds:
    """Tells columns that hold numbers from ones that hold texts, and from mixed ones.

    Args:
        instance: a fitted instance.
        encoders: the features that encode its metadata.

    Attributes:
        places: which of the fields that the instance reads must not be mixed.
        numbers: which of them hold numbers as a rule.
    """

    def __init__(self, instance: Instance, encoders: Sequence[Feature]):
        features = (*instance.fields, *encoders)
        numeric = {f.field for f in features if takes_numbers(f)}
        numeric |= {f for each in instance.all_aggregates for f in each.numeric_fields}
        free = {f.field for f in features if isinstance(f, (Hash, OneHot))}
        unknown = {f.field for f in features} - free - numeric
        measured = {f for each in instance.all_aggregates for f in each.fields}
        named = [
            (place, field in numeric)
            for place, field in enumerate(instance.reads.fields)
            if field in numeric | unknown | measured
        ]
        texts = measured - numeric - unknown
        self.places = [place for place, _ in named]
        self.numbers = [p for p in self.places if instance.reads.fields[p] not in texts]
        self._numeric = [strict for _, strict in named]
        self._count = len(named)

    def of(self, values: Sequence[Any]) -> int:
        """One bit for each field with a number, then one for each with a text.

        Args:
            values: plain values of an event, in the order of the fields read.
        """
        found = 0
        for bit, place in enumerate(self.places):
            value = values[place]
            if type(value) is float:
                found |= 1 << bit
            elif value is not None:
                found |= 1 << (bit + self._count)
                if self._numeric[bit] and value not in TRUTH:
                    found |= 1 << (2 * self._count)
        return found

    def usual(self, kinds: int) -> bool:
        """False where a field is mixed, or a numeric one has texts but no truths.

        Args:
            kinds: those of some events, joined by or.
        """
        texts = kinds >> self._count
        return not texts & kinds and not texts >> self._count


def takes_numbers(feature: Feature) -> bool:
    """True for the kinds that read numbers, and booleans as 0 and 1."""
    ranged = isinstance(feature, OneHot) and feature.values is None
    return ranged or isinstance(feature, (Normalize, Binned))


def gives_shares(feature: Feature) -> bool:
    """True where a feature may give values other than 1."""
    if isinstance(feature, Binned):
        return feature.smooth
    return not isinstance(feature, (Hash, OneHot))

"""Features: how one field of an event becomes places of a vector.

A feature is data: a frozen dataclass with a JSON round trip, since it is copied into
the bundle and is all that serving has. One without parameters is *unfitted*; fitting
(``zap.encoding.fit``) returns the same feature with its parameters as stored numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.binned import LinearBins, PowerBins, SincePrevious
from zap.encoding.columns import Categorical, Column
from zap.encoding.entries import Entries, where_valid, without_zeros
from zap.encoding.feature import Feature
from zap.encoding.hashing import canonical_text
from zap.encoding.values import as_categorical, numbers_of, table_of

__all__ = [
    "Feature",
    "Hash",
    "LinearBins",
    "Normalize",
    "OneHot",
    "PowerBins",
    "SincePrevious",
]

# Most strings of one value that are hashed, for the fields with several.
MOST_STRINGS = {"url.segments": 8, "url.query_keys": 16}


@dataclass(frozen=True)
class Hash(Feature, kind="hash"):
    """Strings as places among hash buckets that all Hash fields share.

    Attributes:
        field: any field; numbers and booleans are hashed by their canonical text.
        repeats: ``"drop"`` leaves out a value equal to that of the subject's previous
            kept event, ``"keep"`` encodes it again. None chooses ``"drop"`` for user
            agents, which hardly ever change within a visit, else ``"keep"``.
        limit: most strings of a value that has several, the first ones in order.
            None chooses 8 segments of a path, 16 keys of a query, else 1.
    """

    repeats: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.repeats not in (None, "keep", "drop"):
            raise self._refuse(
                "repeats must be 'keep' or 'drop'.", repeats=self.repeats
            )
        if self.limit is not None and self.limit < 1:
            raise self._refuse("limit must be at least 1.", limit=self.limit)

    @property
    def drops_repeats(self) -> bool:
        """True when a value that repeats the previous event's is left out."""
        if self.repeats is not None:
            return self.repeats == "drop"
        return self.field == "user_agent" or self.field.startswith("agent.")

    @property
    def fitted(self) -> bool:
        """Always: the number of buckets belongs to the instance."""
        return True

    @property
    def size(self) -> int:
        """None of its own: the buckets are shared."""
        return 0

    @property
    def most(self) -> int:
        """Most strings that one value gives."""
        return self.limit or MOST_STRINGS.get(self.field, 1)


@dataclass(frozen=True)
class OneHot(Feature, kind="one_hot"):
    """One place for each of a fixed set of values.

    Attributes:
        field: any field.
        low: smallest whole number; numbers are rounded down and clipped to the range.
        high: largest whole number, included.
        values: instead of a range, the values themselves; others give nothing.
    """

    low: int | None = None
    high: int | None = None
    values: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise self._refuse("give both low and high.", low=self.low, high=self.high)
        if self.low is not None and self.values is not None:
            raise self._refuse("give a range or values, not both.", values=self.values)
        if self.low is not None and self.high is not None:
            whole = float(self.low).is_integer() and float(self.high).is_integer()
            if not whole or self.high < self.low:
                raise self._refuse(
                    "low and high must be whole numbers, high not below low.",
                    low=self.low,
                    high=self.high,
                )
        if self.values is not None:
            texts = tuple(canonical_text(value) for value in self.values)
            if isinstance(self.values, str) or len(set(texts)) < len(texts):
                raise self._refuse(
                    "values must be a list without repeats.", values=self.values
                )
            object.__setattr__(self, "values", texts)

    @property
    def fitted(self) -> bool:
        """True when the range or the values are known."""
        return self.low is not None or self.values is not None

    @property
    def size(self) -> int:
        """One place a value."""
        if self.values is not None:
            return len(self.values)
        assert self.low is not None and self.high is not None, "not fitted"
        return int(self.high) - int(self.low) + 1

    def entries(self, column: Column) -> Entries:
        """The place of each value; see ``Feature.entries``."""
        if self.values is not None:
            return self._by_text(as_categorical(column))
        assert self.low is not None and self.high is not None, "not fitted"
        numbers = numbers_of(column, self.field)
        valid = ~np.isnan(numbers)
        clipped = np.clip(np.floor(numbers[valid]), self.low, self.high)
        return where_valid(valid, (clipped - self.low).astype(np.int64))

    def _by_text(self, column: Categorical) -> Entries:
        assert self.values is not None
        order = {text: place for place, text in enumerate(self.values)}
        table = table_of(column, lambda value: order.get(value, -1), -1)
        places = table[column.codes]
        return where_valid(places >= 0, places[places >= 0])


@dataclass(frozen=True)
class Normalize(Feature, kind="normalize"):
    """A number in a known range as one value in [0, 1] (paper, formula 1).

    Attributes:
        field: a numeric field.
        low: the number that becomes 0; smaller ones do too.
        high: the number that becomes 1; larger ones do too.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise self._refuse("give both low and high.", low=self.low, high=self.high)
        if self.low is not None and self.high is not None:
            span = self.high - self.low
            if not (math.isfinite(span) and span > 0):
                raise self._refuse(
                    "high must lie above low.", low=self.low, high=self.high
                )

    @property
    def fitted(self) -> bool:
        """True when the range is known."""
        return self.low is not None

    @property
    def size(self) -> int:
        """One place."""
        return 1

    def entries(self, column: Column) -> Entries:
        """(x - low) / (high - low), clipped; see ``Feature.entries``."""
        assert self.low is not None and self.high is not None, "not fitted"
        numbers = numbers_of(column, self.field)
        rows = np.flatnonzero(~np.isnan(numbers))
        inside = np.clip(numbers[rows], self.low, self.high)
        scaled = (inside - self.low) / (self.high - self.low)
        return without_zeros(rows, np.zeros(len(rows), np.int64), scaled)

"""One value at a time: what a feature makes of a column of one row, in plain Python.

A call into numpy costs about a microsecond however short the array, as much as a whole
event may cost in a server. The numbers are the same: both are IEEE doubles, compared,
subtracted and divided alike. ``Feature.entries`` stays the definition, tests hold these
against it, and a kind that is not known here is asked through it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain, islice
from struct import pack, unpack
from typing import Any, Generic, TypeAlias, TypeVar

import mmh3

from zap.encoding.binned import Binned
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, Normalize, OneHot
from zap.encoding.hashing import canonical_text
from zap.encoding.kinds import TRUTH
from zap.encoding.single import column_of

Ones: TypeAlias = tuple[int, ...]
Shares: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
Scalar: TypeAlias = Callable[[Any], Shares]
T = TypeVar("T")

EXACT = 2**53  # whole numbers up to here are doubles

NOTHING: Shares = ((), ())
_MOST_KNOWN = 2048
_LONGEST_KNOWN = 200


class Known(Generic[T]):
    """What each value gives, the common values remembered.

    A value is a text, a float or a tuple of texts, so that no two of them are equal
    that are encoded apart. At most about 2,048 values of at most 200 characters are
    known at a time, half a megabyte; when they are too many all are forgotten.

    Args:
        function: from distinct values to what each of them gives.
        nothing: what None gives.
    """

    __slots__ = ("_function", "_known", "_nothing")

    def __init__(self, function: Callable[[list[Any]], list[T]], nothing: T):
        self._function, self._nothing = function, nothing
        self._known: dict[Any, T] = {None: nothing}

    def column(self, values: Sequence[Any]) -> list[T]:
        """What each of the values gives."""
        known = self._known
        try:
            return list(map(known.__getitem__, values))
        except KeyError:
            new = list({*values}.difference(known))
        fresh = dict(zip(new, self._function(new), strict=True))
        if _longest(new) > _LONGEST_KNOWN:
            return [known[v] if v in known else fresh[v] for v in values]
        # Nothing is ever taken out of a dict, so that other threads may go on with it.
        known.update(fresh)
        if len(known) > _MOST_KNOWN:
            self._known = {None: self._nothing}
        return list(map(known.__getitem__, values))


def _longest(values: Sequence[Any]) -> int:
    if {str}.issuperset(map(type, values)):
        return max(map(len, values))
    return max(0 if type(v) is float else len("".join(v)) for v in values)


def hashed(feature: Hash, buckets: int, seed: int) -> Known[Ones]:
    """The buckets of a hashed field's values, each once; see ``zap.encoding.hashing``.

    Args:
        feature: which.
        buckets: number of buckets.
        seed: seed of the hash.
    """
    prefix, most, function = f"{feature.field}=", feature.most, mmh3.hash

    def places(texts: list[Any]) -> list[int]:
        # As bytes: a text with a lone surrogate makes mmh3 itself crash.
        keys = [(prefix + text).encode("utf-8", "surrogatepass") for text in texts]
        return [function(key, seed, False) % buckets for key in keys]

    strings = Known(places, -1)

    def of_values(values: list[Any]) -> list[Ones]:
        if {str}.issuperset(map(type, values)):
            return list(zip(places(values), strict=True))
        texts = [
            value[:most] if type(value) is tuple else (canonical_text(value),)
            for value in values
        ]
        flat = iter(strings.column(list(chain.from_iterable(texts))))
        return [tuple({*islice(flat, len(each))}) for each in texts]

    return Known(of_values, ())


def known_scalar(feature: Feature, start: int) -> Known[Shares]:
    """``scalar_of``, the common values remembered."""
    scalar = scalar_of(feature, start)
    return Known(lambda values: list(map(scalar, values)), NOTHING)


def scalar_of(feature: Feature, start: int) -> Scalar:
    """The function from a value to its places and values in the whole vector.

    Args:
        feature: fitted, and not a Hash.
        start: first place of its block.

    Returns:
        a function of a text, a float or a tuple of texts; numeric kinds take floats
        and the texts ``true`` and ``false`` alone.
    """
    if type(feature) is OneHot and feature.values is not None:
        return _by_text(feature.values, start)
    if type(feature) is OneHot and _exact(feature.low, feature.high):
        return _by_number(feature, start)
    if type(feature) is Normalize and _exact(feature.low, feature.high):
        return _in_range(feature, start)
    if isinstance(feature, Binned) and type(feature).entries is Binned.entries:
        edges = feature.edge_array().tolist()
        return _smooth(edges, start) if feature.smooth else _binned(edges, start)
    return _apart(feature, start)


def _exact(*bounds: float | None) -> bool:
    return all(bound is not None and abs(bound) < EXACT for bound in bounds)


def _number(value: Any) -> float:
    return value if type(value) is float else TRUTH[value]


def _one(place: int) -> Shares:
    return (place,), (1.0,)


def _by_text(values: Any, start: int) -> Scalar:
    places = {text: _one(start + place) for place, text in enumerate(values)}

    def scalar(value: Any) -> Shares:
        text = canonical_text(value) if type(value) is float else value
        return places.get(text, NOTHING)

    return scalar


def _by_number(feature: OneHot, start: int) -> Scalar:
    assert feature.low is not None and feature.high is not None
    low, high = int(feature.low), int(feature.high)

    def scalar(value: Any) -> Shares:
        inside = min(max(_number(value), low), high)
        return _one(start + math.floor(inside) - low)

    return scalar


def _in_range(feature: Normalize, start: int) -> Scalar:
    assert feature.low is not None and feature.high is not None
    low, high = float(feature.low), float(feature.high)
    span = float(feature.high - feature.low)

    def scalar(value: Any) -> Shares:
        inside = min(max(_number(value), low), high)
        return _without_zeros((start,), ((inside - low) / span,))

    return scalar


def _binned(edges: list[float], start: int) -> Scalar:
    last = len(edges) - 1
    places = [_one(start + max(0, i - 1)) for i in range(last + 2)]

    def scalar(value: Any) -> Shares:
        return places[bisect_right(edges, _number(value))]

    return scalar


def _smooth(edges: list[float], start: int) -> Scalar:
    last = len(edges) - 1

    def scalar(value: Any) -> Shares:
        number = _number(value)
        lower = max(0, bisect_right(edges, number) - 1)
        upper = min(lower + 1, last)
        width = edges[upper] - edges[lower] if upper > lower else 1.0
        share = (min(max(number, edges[0]), edges[last]) - edges[lower]) / width
        return _without_zeros((start + lower, start + lower + 1), (1 - share, share))

    return scalar


def _without_zeros(places: Ones, values: tuple[float, ...]) -> Shares:
    """The entries above 0 as float32: tiny doubles become zeros there."""
    singles = unpack(f"{len(values)}f", pack(f"{len(values)}f", *values))
    kept = [(p, v) for p, v in zip(places, singles, strict=True) if v > 0]
    return tuple(p for p, _ in kept), tuple(v for _, v in kept)


def _apart(feature: Feature, start: int) -> Scalar:
    def scalar(value: Any) -> Shares:
        found = feature.entries(column_of([value], feature.field))
        places = (found.places + start).tolist()
        ones = [1.0] * len(places)
        values = ones if found.values is None else found.values.tolist()
        return tuple(places), tuple(values)

    return scalar

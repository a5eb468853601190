"""One value at a time: what a feature makes of a column of one row, in plain Python.

A call into numpy costs about a microsecond however short the array, as much as a whole
event may cost in a server. The numbers are the same: both are IEEE doubles, compared,
subtracted and divided alike. ``Feature.entries`` stays the definition, tests hold these
against it, and a kind that is not known here is asked through it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from struct import pack, unpack
from typing import Any, TypeAlias

from zap.encoding.binned import Binned
from zap.encoding.feature import Feature
from zap.encoding.features import Normalize, OneHot
from zap.encoding.hashing import canonical_text
from zap.encoding.kinds import TRUTH
from zap.encoding.single import column_of

Shares: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
Scalar: TypeAlias = Callable[[Any], Shares]

EXACT = 2**53  # whole numbers up to here are doubles

NOTHING: Shares = ((), ())


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


def _without_zeros(places: tuple[int, ...], values: tuple[float, ...]) -> Shares:
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

"""Parameters of features as round numbers, chosen from a sketch of their values.

Round numbers can be read in a bundle and stay put when the data move a little.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from itertools import count

from zap.encoding.sketch import Numbers

LINEAR_STEPS = 10
LAST_EDGE = 40
LINEAR_BINS = 20

_MANTISSAS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")


def round_up(number: float, whole: bool = False) -> float:
    """The smallest round number >= ``number`` > 0, and a whole one if wanted."""
    exponent = int(f"{number:.15e}".split("e")[1])
    candidates = (float(f"{m}e{e}") for e in count(exponent) for m in _MANTISSAS)
    return next(c for c in candidates if c >= number and _fits(c, whole))


def _fits(number: float, whole: bool) -> bool:
    return number.is_integer() or not whole


def power_parameters(numbers: Numbers) -> tuple[float, float, float, int]:
    """Step, linear cutoff, cutoff and last index of power-law bins.

    About ten even steps reach the median of the numbers above 0, and the tail ends at
    their 99.9 % quantile; steps of whole numbers are whole. There are at most 41 edges,
    fewer where more would make bins shrink in the tail.
    """
    positive = numbers.positive()
    if not positive.count:
        return 1.0, 1.0, 2.0, 2
    median = positive.quantile(500)
    step = round_up(median / LINEAR_STEPS * 0.9, positive.whole)
    linear = max(1, round(median / step))
    linear_cutoff = float(Decimal(repr(step)) * linear)
    cutoff = round_up(positive.quantile(999), positive.whole)
    last = min(LAST_EDGE, math.floor(Fraction(cutoff) / Fraction(step)))
    if last <= linear:
        return step, linear_cutoff, 2 * linear_cutoff, 2 * linear
    return step, linear_cutoff, cutoff, last


def linear_parameters(numbers: Numbers) -> tuple[float, int]:
    """Width and number of about 20 even bins up to the 99.9 % quantile."""
    top = numbers.positive().quantile(999)
    if not top:
        return 1.0, 2
    width = round_up(top / LINEAR_BINS, numbers.whole)
    return width, max(2, math.floor(top / width) + 1)


def range_parameters(numbers: Numbers) -> tuple[float, float]:
    """Low and high around all but the outermost thousandths of the numbers."""
    low, high = numbers.quantile(1), numbers.quantile(999)
    rounded = _outwards(low, -1), _outwards(high, 1)
    return rounded if rounded[0] < rounded[1] else (rounded[0], rounded[0] + 1)


def _outwards(number: float, direction: int) -> float:
    """A round number at or beyond ``number``, upwards (1) or downwards (-1)."""
    if number * direction > 0:
        return direction * round_up(abs(number))
    return 0.0


def scale_parameter(numbers: Numbers) -> float:
    """The size at which a measure becomes 1: the 99.9 % quantile of its sizes."""
    top = numbers.sizes().quantile(999)
    return round_up(top) if top else 1.0

"""Whether a number lies within its own past: the arithmetic of the data gate.

A band is the median of the past and a reach: some robust deviations, but never less
than a floor (a change that no one would call suspect) nor than the sampling error of
the number itself. A short past says nothing of its own deviation, so there the floor
is doubled; without any past only the bounds hold that are given as such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import FloatArray
from zap.errors import InputError

DEVIATIONS = 5.0
ERRORS = 4.0
ENOUGH_PAST = 3
_MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True)
class Check:
    """One number of a gate, and whether it may pass.

    Attributes:
        name: of the number, for people.
        value: what was found.
        low: the least that passes; None: no bound.
        high: the most that passes; None: no bound.
        passed: whether it does.
        past: the values it was held against, the oldest first.
        said: why it does not pass, or a remark.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    passed: bool
    past: tuple[float, ...] = ()
    said: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The check as a JSON object."""
        return asdict(self) | {"past": list(self.past)}


@dataclass(frozen=True)
class Rule:
    """How far a number may be from its past.

    Attributes:
        floor: the reach that is never suspect; of a relative number its factor, such
            as 2 for half to twice the median.
        relative: whether the number is held against its past by its ratio.
        least: the least that passes whatever the past is.
        most: the most that passes whatever the past is.
        below: whether too little is suspect.
        above: whether too much is suspect.
    """

    floor: float
    relative: bool = False
    least: float | None = None
    most: float | None = None
    below: bool = True
    above: bool = True


def judge(
    name: str, value: float, past: Sequence[float], rule: Rule, error: float = 0.0
) -> Check:
    """Hold a number against its past.

    Args:
        name: of the number.
        value: the number.
        past: those of earlier, accepted runs, the oldest first.
        rule: how far it may be from them.
        error: its standard error; of a relative number that of its logarithm.
    """
    low, high = band(past, rule, error)
    low = _larger(low if rule.below else None, rule.least)
    high = _smaller(high if rule.above else None, rule.most)
    passed = (low is None or value >= low) and (high is None or value <= high)
    passed = passed and math.isfinite(value)
    said = ""
    if not passed:
        said = f"{name} is {value:.4g}, expected {_range(low, high)}"
        said += f" (of {len(past)} runs before)" if past else " (no run before)"
    return Check(name, float(value), low, high, passed, tuple(past), said)


def band(
    past: Sequence[float], rule: Rule, error: float = 0.0
) -> tuple[float | None, float | None]:
    """The least and the most that a past makes likely; None without a past."""
    if not past:
        return None, None
    values = np.asarray(past, np.float64)
    floor = math.log(rule.floor) if rule.relative else rule.floor
    if rule.relative:
        values = np.log(np.maximum(values, np.finfo(np.float64).tiny))
    centre = float(np.median(values))
    if len(past) < ENOUGH_PAST:
        reach = max(2 * floor, ERRORS * error)
    else:
        deviation = _MAD_TO_DEVIATION * float(np.median(np.abs(values - centre)))
        reach = max(floor, DEVIATIONS * deviation, ERRORS * error)
    low, high = centre - reach, centre + reach
    return (math.exp(low), math.exp(high)) if rule.relative else (low, high)


def divergence(counts: Sequence[float], others: Sequence[float]) -> float:
    """The Jensen-Shannon divergence of two distributions, in bits: 0 to 1.

    Args:
        counts: one count a bucket.
        others: the same buckets of the other.

    Returns:
        NaN where one of them is empty.
    """
    p, q = (np.asarray(each, np.float64) for each in (counts, others))
    if not p.sum() or not q.sum():
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    return float(_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: FloatArray, q: FloatArray) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))


def check_threshold(name: str, value: object, least: float | None) -> None:
    """Check a threshold that somebody has set.

    Args:
        name: of the setting.
        value: of it.
        least: the least that it may be; None: anything finite.

    Raises:
        InputError: it is no finite number, or less.
    """
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (least is None or value >= least)
    ):
        return
    bound = "" if least is None else f" of at least {least:g}"
    raise InputError(
        f"Expected a number{bound}. Received: {name}={value!r}. Correct the setting."
    )


def _larger(a: float | None, b: float | None) -> float | None:
    known = [each for each in (a, b) if each is not None]
    return max(known) if known else None


def _smaller(a: float | None, b: float | None) -> float | None:
    known = [each for each in (a, b) if each is not None]
    return min(known) if known else None


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "any" if high is None else f"at most {high:.4g}"
    return f"at least {low:.4g}" if high is None else f"{low:.4g} to {high:.4g}"

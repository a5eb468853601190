"""When the visits of each device begin.

Time first runs evenly and is then bent to the hours of the day, when people are awake.
Some devices have visited before the simulation begins, as many as keep the shop as busy
in its first week as in its last, with the same mix of new and returning visitors: with
returns at rate r and a mean gap of g days, g r / (1 - r) times the devices that come
new each day are on their way back at any time (Little's law).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.simulation.settings import DAY_MS, QUIET_MS, Settings

RETURNS = 0.5
"""The chance that a visit is followed by another of the device."""

_GAP_DAYS = 6.0
_LEAST_GAP_MS = 31 * 60_000  # a gap of 30 minutes cuts between visits, and only there
_BOUGHT = 0.065  # of each visit before the simulation began
_DAY_CURVE = (3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 10, 10, 11, 10, 9, 9, 9, 10, 12, 14, 15,
              14, 10, 6)  # fmt: skip


@dataclass(frozen=True)
class Arrivals:
    """Visits that are about to begin; arrays of shape (visits,).

    Attributes:
        device: int64: row of the device.
        even_ms: int64: when it begins, were all hours alike.
        start_ms: int64: when it begins.
        number: int64: which visit of the device it is, from 1.
        buyer: bool: whether an earlier visit of the device ended in a purchase.
    """

    device: IntArray
    even_ms: IntArray
    start_ms: IntArray
    number: IntArray
    buyer: BoolArray

    def __len__(self) -> int:
        return len(self.device)

    def take(self, rows: IntArray | BoolArray) -> Arrivals:
        """Those at ``rows``."""
        return Arrivals(*(getattr(self, f.name)[rows] for f in fields(self)))


def first_arrivals(
    random: np.random.Generator, devices: int, settings: Settings
) -> Arrivals:
    """The first visit in the period of each device."""
    waiting = _GAP_DAYS * RETURNS / (1 - RETURNS)
    known = random.random(devices) < waiting / (settings.days + waiting)
    span = settings.days * DAY_MS - QUIET_MS
    new_ms = random.random(devices) * span
    back_ms = _gaps_ms(random, devices)
    more = np.floor(np.log1p(-random.random(devices)) / np.log(RETURNS))
    number = np.where(known, 2 + more, 1).astype(np.int64)
    buyer = random.random(devices) >= (1 - _BOUGHT) ** (number - 1)
    even_ms = settings.from_ms + np.where(known, back_ms, new_ms).astype(np.int64)
    arrivals = Arrivals(np.arange(devices), even_ms, clock(even_ms), number, buyer)
    return _in_time(arrivals, settings)


def next_arrivals(
    random: np.random.Generator,
    before: Arrivals,
    end_ms: IntArray,
    bought: BoolArray,
    settings: Settings,
) -> Arrivals:
    """The visits that follow.

    Args:
        random: the source of chance.
        before: the visits before.
        end_ms: int64: their last events.
        bought: bool: whether they ended in a purchase.
        settings: the period.
    """
    returns = random.random(len(before)) < RETURNS
    even_ms = before.even_ms + _gaps_ms(random, len(before)).astype(np.int64)
    start_ms = np.maximum(clock(even_ms), end_ms + _LEAST_GAP_MS)
    after = Arrivals(
        before.device, even_ms, start_ms, before.number + 1, before.buyer | bought
    )
    return _in_time(after.take(returns), settings)


def clock(even_ms: IntArray) -> IntArray:
    """The time of even time: within each day busy hours get more of it. Rises."""
    day, within = np.divmod(even_ms, DAY_MS)
    passed = np.concatenate(([0], np.cumsum(_DAY_CURVE))) / sum(_DAY_CURVE)
    hours = np.interp(within / DAY_MS, passed, np.arange(len(passed)))
    bent: IntArray = day * DAY_MS + (hours * (DAY_MS / 24)).astype(np.int64)
    return bent


def _gaps_ms(random: np.random.Generator, count: int) -> FloatArray:
    return -np.log1p(-random.random(count)) * (_GAP_DAYS * DAY_MS)


def _in_time(arrivals: Arrivals, settings: Settings) -> Arrivals:
    return arrivals.take(arrivals.start_ms < settings.until_ms - QUIET_MS)

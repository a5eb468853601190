"""Visits of bots: those that say so in their user agent, and those that do not.

Declared ones name themselves, as search engines do. Disguised ones send a browser's
agent, but read faster than people can, or as regularly as a clock, or both; they do not
buy. Every visit comes with a new cookie. How a bot reads has nothing to do with what
people do, so that rules which look for it can be judged by the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import FloatArray, IntArray
from zap.simulation.crowd import Crowd, Devices, VisitRows
from zap.simulation.settings import DAY_MS, QUIET_MS, Settings
from zap.simulation.shop import PAGES
from zap.simulation.steps import FINE, Steps

KINDS = ("human", "declared", "disguised")
_DECLARED_SHARE = 0.5
_FEWEST_PAGES, _MOST_PAGES = 5, 300
_MEAN_PAGES = 30
_FAST, _REGULAR = 1, 2  # bits of how a disguised bot reads; at least one is set

# Shares of the pages that they read, in hundredths; the order is PAGES'.
_DECLARED_PAGES = (6, 24, 58, 2, 0, 0, 2, 8)
_DISGUISED_PAGES = (2, 30, 62, 6, 0, 0, 0, 0)


def bot_crowd(
    random: np.random.Generator, events: int, settings: Settings
) -> tuple[Crowd, IntArray]:
    """Visits of bots with about ``events`` page views.

    Returns:
        What they do, and the kind of each visit's bot: index into ``KINDS``, int64 of
        shape (visits,).
    """
    pages = _pages_of_visits(random, events)
    count = len(pages)
    kind = np.where(random.random(count) < _DECLARED_SHARE, 1, 2)
    style = random.integers(1, 4, count)
    visit = np.repeat(np.arange(count), pages)
    first = np.cumsum(pages) - pages
    number = np.arange(len(visit)) - first[visit] + 1
    steps = Steps(
        visit=visit,
        time_ms=_times_ms(random, kind, style, visit, first, settings),
        page=_read(random, kind[visit]),
        item=random.integers(0, FINE, len(visit), dtype=np.int32),
        previous=np.where(number == 1, -1, np.arange(len(visit)) - 1),
        number=number.astype(np.int32),
        probability=np.zeros(len(visit)),
    )
    never = np.zeros(count, bool)
    rows = VisitRows(
        device=np.arange(count),
        campaign=np.zeros(count, np.int64),
        number=np.ones(count, np.int64),
        buyer=never,
        intent=np.full(count, -1),
        bought=never,
    )
    devices = Devices(np.full(count, -1), random.random(count) < 0.3, never)
    return Crowd(devices, rows, steps, np.zeros(len(visit), bool)), kind


def _pages_of_visits(random: np.random.Generator, events: int) -> IntArray:
    """Page views of each visit, as many visits as give about ``events``."""
    most = events // _FEWEST_PAGES + 1
    more = -np.log1p(-random.random(most)) * (_MEAN_PAGES - _FEWEST_PAGES)
    pages = np.minimum(_FEWEST_PAGES + more.astype(np.int64), _MOST_PAGES)
    wanted = int(np.searchsorted(np.cumsum(pages), events))
    return pages[:wanted]


def _times_ms(
    random: np.random.Generator,
    kind: IntArray,
    style: IntArray,
    visit: IntArray,
    first: IntArray,
    settings: Settings,
) -> IntArray:
    """When each page is read."""
    span = settings.days * DAY_MS - QUIET_MS
    begins = settings.from_ms + (random.random(len(kind)) * span).astype(np.int64)
    waits = _waits_ms(random, kind, style, visit)
    waits[first] = 0
    passed = np.cumsum(waits.astype(np.int64))
    times: IntArray = begins[visit] + passed - passed[first][visit]
    return times


def _waits_ms(
    random: np.random.Generator, kind: IntArray, style: IntArray, visit: IntArray
) -> FloatArray:
    """The wait before each page, as the bot's manner is."""
    fast, regular = (style & _FAST) > 0, (style & _REGULAR) > 0
    mean = np.where(fast, 0.2 + 0.7 * random.random(len(kind)), 0.0)
    mean = np.where(fast, mean, 2 + 28 * random.random(len(kind)))
    noise = random.random(len(visit))
    even = 0.98 + 0.04 * noise
    uneven = 0.4 + 1.2 * noise
    of_disguised = mean[visit] * np.where(regular[visit], even, uneven)
    of_declared = 0.5 - 4.5 * np.log1p(-random.random(len(visit)))
    chosen: FloatArray = np.where(kind[visit] == 1, of_declared, of_disguised)
    return np.maximum(1_000 * chosen, 50)


def _read(random: np.random.Generator, kind: IntArray) -> NDArray[np.int8]:
    """The page that each event shows."""
    draw = random.random(len(kind))
    chosen = np.zeros(len(kind), np.int8)
    for number, shares in ((1, _DECLARED_PAGES), (2, _DISGUISED_PAGES)):
        ends = np.cumsum(shares) / sum(shares)
        rows = kind == number
        chosen[rows] = np.searchsorted(ends[: len(PAGES) - 1], draw[rows], "right")
    return chosen

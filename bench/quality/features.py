"""Features as one makes them by hand: recency, frequency, money, counts, gaps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

DAY = 86_400.0
PAGES = [f"type_{i}" for i in range(7)]
Past = Sequence[dict[str, Any]]


def gaps(past: Past, instant: float) -> list[float]:
    """Age, wait, and the shape of the times between events, in seconds."""
    times = np.array([event["ts"] for event in past])
    between = np.diff(times) if len(times) > 1 else np.array([np.nan])
    return [
        float(len(past)),
        instant - times[0],
        instant - times[-1],
        float(between.mean()),
        float(between.std()),
        float(between.min()),
        float(between.max()),
        float(between[-1]),
    ]


def shop(past: Past, instant: float) -> list[float]:
    """Of the page views so far: how many of each, the last ones, the times."""
    pages = [event["page"] for event in past]
    numbers = [PAGES.index(page) for page in pages]
    changes = sum(a != b for a, b in itertools.pairwise(numbers))
    last = [float(n) for n in reversed(numbers[-4:])] + [-1.0] * (4 - len(pages[-4:]))
    counts = [float(pages.count(page)) for page in PAGES]
    recent = [float(pages[-5:].count(page)) for page in PAGES]
    first = [float(pages.index(page)) if page in pages else np.nan for page in PAGES]
    visitor = [past[-1][f"s{i}"] for i in range(5)]
    return [
        *gaps(past, instant),
        *counts,
        *recent,
        *first,
        *last,
        float(changes),
        float(len(set(pages))),
        *visitor,
    ]


def orders(past: Past, instant: float) -> list[float]:
    """Recency, frequency and money, over all of the past and over its last months."""
    amounts = np.array([event["amount"] for event in past])
    sizes = np.array([event["size"] for event in past], float)
    times = np.array([event["ts"] for event in past])
    bought = np.array([event.get("order", True) for event in past])
    found = [
        *gaps(past, instant),
        amounts.sum(),
        amounts.mean(),
        amounts[-1],
        amounts.max(),
        sizes.sum(),
        sizes.mean(),
        sizes[-1],
        float(bought.sum()),
        float((~bought).sum()),
        instant - times[bought][-1] if bought.any() else np.nan,
    ]
    for days in (30, 60, 90, 180):
        recent = times >= instant - days * DAY
        found += [float(recent.sum()), float(amounts[recent].sum())]
    return [float(value) for value in found]


Features = Callable[[Past, float], list[float]]

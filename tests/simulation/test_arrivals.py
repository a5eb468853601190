"""When visits begin: in the period, apart, as busy at the end as at the beginning."""

from __future__ import annotations

import numpy as np

from zap.simulation.arrivals import clock, first_arrivals, next_arrivals
from zap.simulation.settings import DAY_MS, QUIET_MS, Settings


def all_arrivals(settings: Settings, devices: int):
    """Rounds of visits that end at once without a purchase."""
    random = np.random.default_rng(2)
    arrivals = first_arrivals(random, devices, settings)
    while len(arrivals):
        yield arrivals
        ends, none = arrivals.start_ms, np.zeros(len(arrivals), bool)
        arrivals = next_arrivals(random, arrivals, ends, none, settings)


def test_the_clock_rises_and_keeps_the_day() -> None:
    even = np.sort(np.random.default_rng(0).integers(0, 9 * DAY_MS, 5_000))
    bent = clock(even)
    assert (np.diff(bent) >= 0).all()
    assert (bent // DAY_MS == even // DAY_MS).all()
    hours = np.bincount(bent % DAY_MS // (DAY_MS // 24), minlength=24)
    assert hours[20] > 5 * hours[3]


def test_every_week_is_alike() -> None:
    settings = Settings()
    rounds = list(all_arrivals(settings, 100_000))
    start = np.concatenate([a.start_ms for a in rounds])
    number = np.concatenate([a.number for a in rounds])
    week = (start - settings.from_ms) // (7 * DAY_MS)
    visits = np.bincount(week)
    assert len(visits) == 8
    assert np.abs(visits / visits.mean() - 1).max() < 0.04
    first = np.bincount(week, number == 1) / visits
    assert np.abs(first - first.mean()).max() < 0.02


def test_visits_of_a_device_are_apart_and_in_the_period() -> None:
    settings = Settings(days=20)
    seen: dict[int, tuple[int, int]] = {}
    for arrivals in all_arrivals(settings, 3_000):
        assert (arrivals.start_ms >= settings.from_ms).all()
        assert (arrivals.start_ms < settings.until_ms - QUIET_MS).all()
        for device, start, number in zip(
            arrivals.device.tolist(),
            arrivals.start_ms.tolist(),
            arrivals.number.tolist(),
            strict=True,
        ):
            if device in seen:
                before, number_before = seen[device]
                assert start > before + 30 * 60_000
                assert number == number_before + 1
            seen[device] = start, number
    assert len(seen) > 2_800

"""Bots: those that say so are in the list, those that do not read like no human."""

from __future__ import annotations

import numpy as np
import pytest

from zap.events.agents import parse_agent
from zap.events.bots import is_crawler
from zap.simulation.bots import KINDS, bot_crowd
from zap.simulation.names import CRAWLERS, DESKTOP_AGENTS, MOBILE_AGENTS
from zap.simulation.settings import QUIET_MS, Settings
from zap.simulation.steps import BUY


def test_declared_agents_are_crawlers_and_browsers_are_not() -> None:
    assert all(is_crawler(agent) for agent in CRAWLERS)
    assert not any(is_crawler(agent) for agent in (*DESKTOP_AGENTS, *MOBILE_AGENTS))


def test_the_system_tells_the_kind_of_device() -> None:
    """A model sees the system; the truth depends on the kind."""
    desktop = {parse_agent(agent).os for agent in DESKTOP_AGENTS}
    mobile = {parse_agent(agent).os for agent in MOBILE_AGENTS}
    assert desktop == {"Windows", "Mac OS X", "Linux"}
    assert mobile == {"iOS", "Android"}


@pytest.mark.parametrize("events", [0, 3, 40_000])
def test_as_many_events_as_are_asked_for(events: int) -> None:
    crowd, kind = bot_crowd(np.random.default_rng(1), events, Settings())
    assert events - 300 <= len(crowd.steps) <= events
    assert len(kind) == len(crowd.visits) == len(crowd.devices)


def test_how_bots_read() -> None:
    settings = Settings(days=3)
    crowd, kind = bot_crowd(np.random.default_rng(2), 60_000, settings)
    steps = crowd.steps
    assert (steps.page != BUY).all() and not crowd.visits.bought.any()
    assert (steps.probability == 0).all()
    assert steps.time_ms.min() >= settings.from_ms
    assert steps.time_ms.max() < settings.until_ms - QUIET_MS + 3 * 3_600_000
    assert abs((kind == KINDS.index("declared")).mean() - 0.5) < 0.05
    fast = regular = 0
    for visit in np.flatnonzero(kind == KINDS.index("disguised")).tolist():
        waits = np.diff(steps.time_ms[steps.visit == visit])
        assert len(waits) >= 4 and (waits > 0).all() and (waits < 30 * 60_000).all()
        # People take at least a second, and never the same time twice.
        quick, even = np.median(waits) < 1_500, waits.std() < 0.03 * waits.mean()
        assert quick or even
        fast, regular = fast + quick, regular + even
    disguised = (kind == KINDS.index("disguised")).sum()
    assert 0.5 < fast / disguised < 0.85 and 0.5 < regular / disguised < 0.85

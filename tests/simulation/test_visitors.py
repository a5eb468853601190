"""What people of a block do, told from their events alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zap.simulation.crowd import Crowd
from zap.simulation.settings import Settings
from zap.simulation.shop import LOGIN_PAGES
from zap.simulation.steps import BUY
from zap.simulation.visitors import Visitors


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    random = np.random.Generator(np.random.SFC64(11))
    return Visitors(Settings()).crowd(random, 2_000)


def histories(crowd: Crowd) -> list[list[int]]:
    """Rows of the events of each device, in the order of time."""
    rows: list[list[int]] = [[] for _ in range(len(crowd.devices))]
    for row in np.argsort(crowd.steps.time_ms, kind="stable").tolist():
        rows[crowd.visits.device[crowd.steps.visit[row]]].append(row)
    return rows


def test_a_gap_of_half_an_hour_cuts_between_visits_and_only_there(crowd: Crowd) -> None:
    steps = crowd.steps
    for rows in histories(crowd):
        for before, row in itertools.pairwise(rows):
            apart = steps.time_ms[row] - steps.time_ms[before] > 30 * 60_000
            assert apart == (steps.visit[row] != steps.visit[before])
            assert steps.time_ms[row] >= steps.time_ms[before] + 1_000


def test_what_visits_know_of_those_before(crowd: Crowd) -> None:
    """The number counts on; a buyer is who was one or has bought."""
    steps, visits = crowd.steps, crowd.visits
    for rows in histories(crowd):
        own = list(dict.fromkeys(steps.visit[rows].tolist()))
        for before, visit in itertools.pairwise(own):
            assert visits.number[visit] == visits.number[before] + 1
            wanted = visits.buyer[before] or visits.bought[before]
            assert visits.buyer[visit] == wanted
        if own and visits.number[own[0]] == 1:
            assert not visits.buyer[own[0]]


def test_a_purchase_ends_its_visit(crowd: Crowd) -> None:
    steps = crowd.steps
    last = np.zeros(len(crowd.visits), np.int64)
    np.maximum.at(last, steps.visit, steps.number)
    bought = steps.page == BUY
    assert bought.sum() == crowd.visits.bought.sum() > 50
    assert (steps.number[bought] == last[steps.visit[bought]]).all()


def test_who_carries_a_user_id(crowd: Crowd) -> None:
    """With an account: all after a login page, and some visits after one with it."""
    steps, devices = crowd.steps, crowd.devices
    remembered = []
    for device, rows in enumerate(histories(crowd)):
        ever, visit, inside = False, -1, False
        for row in rows:
            if steps.visit[row] != visit:
                visit, inside = steps.visit[row], bool(crowd.logged_in[row])
                if ever:
                    remembered.append(inside)
                assert ever or not inside
            assert crowd.logged_in[row] == inside
            if steps.page[row] in LOGIN_PAGES and devices.account[device]:
                ever = inside = True
    assert 0.35 < np.mean(remembered) < 0.65 and len(remembered) > 100


def test_people_have_one_to_three_devices(crowd: Crowd) -> None:
    devices = np.bincount(crowd.devices.person)
    assert set(devices.tolist()) == {1, 2, 3}
    assert abs((devices > 1).mean() - 0.3) < 0.05
    assert 0.4 < crowd.devices.mobile.mean() < 0.65


def test_a_drift_changes_visits_from_its_day_on() -> None:
    settings = Settings(days=20, drift=1.0, drift_day=10)
    random = np.random.Generator(np.random.SFC64(12))
    crowd = Visitors(settings).crowd(random, 20_000)
    steps, first = crowd.steps, crowd.steps.previous < 0
    start = np.zeros(len(crowd.visits), np.int64)
    start[steps.visit[first]] = steps.time_ms[first]
    late = start >= settings.drift_ms
    before, after = crowd.visits.bought[~late].mean(), crowd.visits.bought[late].mean()
    assert after < 0.7 * before
    # The truth moves with it, on either side of the day.
    for side in (late, ~late):
        rows = np.flatnonzero(first & side[steps.visit])
        p, y = steps.probability[rows], crowd.visits.bought[steps.visit[rows]]
        assert abs((y - p).sum()) < 4 * np.sqrt((p * (1 - p)).sum())

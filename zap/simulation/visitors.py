"""The people of one block: their devices, what they do there, and who logs in.

A person has one to three devices, and each device a history of its own: a tracker
knows a browser, not who sits before it. What a visitor wants depends on the device, the
campaign, the device's visits before and whether one of them ended in a purchase: all
of it can be seen on the page views. Beyond that visits know nothing of one another, so
that the truth of a visit needs no other visit. Whether somebody has an account, and so
ever logs in, says nothing about what they want.
"""

from __future__ import annotations

import numpy as np

from zap.encoding.columns import BoolArray, IntArray
from zap.simulation.arrivals import Arrivals, first_arrivals, next_arrivals
from zap.simulation.crowd import Crowd, Devices, VisitRows, counted_on
from zap.simulation.law import context_of, shop_law
from zap.simulation.settings import Settings
from zap.simulation.shop import CAMPAIGN_SHARES, LOGIN_PAGES, VISIT_CLASSES
from zap.simulation.steps import Steps, Visits, Walked
from zap.simulation.walk import Walker

_TWO_DEVICES, _THREE_DEVICES = 0.3, 0.05
_FIRST_MOBILE = 0.55
_ACCOUNTS, _REMEMBERED = 0.4, 0.5


class Visitors:
    """The law of the people of a simulation.

    Args:
        settings: period and drift.
    """

    def __init__(self, settings: Settings):
        laws = [shop_law()]
        if settings.drift:
            laws.append(shop_law(settings.drift))
        self._walker = Walker(laws)
        self._settings = settings

    def crowd(self, random: np.random.Generator, persons: int) -> Crowd:
        """All that ``persons`` people do in the period."""
        devices = _devices(random, persons)
        arrivals = first_arrivals(random, len(devices), self._settings)
        seen_in = np.zeros(len(devices), bool)
        rows: list[VisitRows] = []
        steps: list[Steps] = []
        logged: list[BoolArray] = []
        while len(arrivals) or not rows:
            visits, walked = self._visits(random, devices, arrivals)
            logged.append(_logins(random, devices, visits, walked.steps, seen_in))
            before = (sum(map(len, rows)), sum(map(len, steps)))
            steps.append(counted_on(walked.steps, *before))
            rows.append(visits)
            arrivals = next_arrivals(
                random, arrivals, walked.end_ms, walked.bought, self._settings
            )
        return Crowd(
            devices, VisitRows.joined(rows), Steps.joined(steps), np.concatenate(logged)
        )

    def _visits(
        self, random: np.random.Generator, devices: Devices, arrivals: Arrivals
    ) -> tuple[VisitRows, Walked]:
        """The visits that begin, walked to their ends."""
        of_class = np.minimum(arrivals.number, len(VISIT_CLASSES)) - 1
        below = np.cumsum(CAMPAIGN_SHARES, axis=1)[of_class, :-1] / 100
        campaign = (random.random(len(arrivals))[:, None] >= below).sum(axis=1)
        mobile = devices.mobile[arrivals.device].astype(np.int64)
        buyer = arrivals.buyer.astype(np.int64)
        walked = self._walker.walk(
            random,
            Visits(
                start_ms=arrivals.start_ms,
                law=self._law(arrivals.start_ms),
                campaign=campaign,
                context=context_of(campaign, mobile, of_class, buyer),
            ),
        )
        return VisitRows(
            device=arrivals.device,
            campaign=campaign,
            number=arrivals.number,
            buyer=arrivals.buyer,
            intent=walked.intent,
            bought=walked.bought,
        ), walked

    def _law(self, start_ms: IntArray) -> IntArray:
        if not self._settings.drift:
            return np.zeros(len(start_ms), np.int64)
        return (start_ms >= self._settings.drift_ms).astype(np.int64)


def _devices(random: np.random.Generator, persons: int) -> Devices:
    """One to three devices a person; the second is of the other kind."""
    more = random.random(persons)
    count = 1 + (more < _TWO_DEVICES).astype(np.int64) + (more < _THREE_DEVICES)
    first_mobile = random.random(persons) < _FIRST_MOBILE
    account = random.random(persons) < _ACCOUNTS
    person = np.repeat(np.arange(persons), count)
    place = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    return Devices(person, first_mobile[person] ^ (place == 1), account[person])


def _logins(
    random: np.random.Generator,
    devices: Devices,
    visits: VisitRows,
    steps: Steps,
    seen_in: BoolArray,
) -> BoolArray:
    """Which events carry a user_id: those after a login, or of a remembered one.

    Args:
        random: the source of chance.
        devices: all of the block.
        visits: one visit a device.
        steps: their events, in the order of time within a visit.
        seen_in: which devices have logged in before; brought up to date.
    """
    account = devices.account[visits.device]
    stays = random.random(len(visits)) < _REMEMBERED
    remembered = stays & seen_in[visits.device]
    never = np.iinfo(np.int32).max
    first = np.full(len(visits), never, np.int32)
    # Backwards, so that of a visit's logins the earliest is written last.
    logins = np.flatnonzero(np.isin(steps.page, LOGIN_PAGES))[::-1]
    first[steps.visit[logins]] = steps.number[logins]
    seen_in[visits.device] |= account & (first < never)
    inside = remembered[steps.visit] | (steps.number > first[steps.visit])
    logged_in: BoolArray = account[steps.visit] & inside
    return logged_in

"""Questions about the made-up shop: with a leak of their own, or made to hold one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from zap.encoding.columns import Cutoffs
from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    PowerBins,
    SincePrevious,
    before_outcome,
    each,
    event,
    future,
    in_session,
    past,
    rest_of_session,
)
from zap.examples.evaluate import Context
from zap.examples.observed import ObservedRange
from zap.examples.rules import CutoffRule, after_events

BUY, VIEW, ORDER = event("purchase"), event("page_view"), event("order")


class Buys(Generator):
    """After every page view: will this visit end in a purchase?"""

    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view", "login"],
        last=5,
        fields=[Hash("page"), SincePrevious(), PowerBins("amount")],
        hash_buckets=64,
    )
    statistics: ClassVar = {"pages": in_session().count(VIEW)}


def seeing(*fields: Any, **more: Any) -> Instance:
    """An instance of page views with these fields."""
    return Instance(
        types=["page_view"],
        last=5,
        fields=fields or (Hash("page"),),
        hash_buckets=64,
        **more,
    )


class SeesBins(Buys):
    """The same, from binned amounts."""

    instance = seeing(Hash("amount_bin"))


class SeesPages(Buys):
    """The same, from pages alone."""

    instance = seeing(Hash("page"))


class SeesDwell(Buys):
    """The same, from pages and times on them."""

    instance = seeing(Hash("page"), PowerBins("dwell", 10, 100, 10_000, 20))


class SeesRates(Buys):
    """The same, from a number for each page."""

    instance = seeing(PowerBins("page_rate", 0.05, 0.5, 1.0, 12))


class SeesPlan(Buys):
    """The same, from the visitor's plan."""

    instance = seeing(metadata=[Last("plan", types=["dimension.customers"])])


class SeesTrait(Buys):
    """The same, from a trait that stands in each event."""

    instance = seeing(metadata=[Last("plan")])


class OfUsers(Buys):
    """The same of users, whose visits before the log-in count too."""

    subject = "user_id"
    instance = seeing(Hash("page"))


class EngagedOnly(Buys):
    """The same, of visitors with many events."""

    eligible = in_session().none(BUY) & (past().last("events_in_all") >= 10)


class AtTheOutcome(Buys):
    """The paper's own rule, which says of itself that it anticipates."""

    cutoffs = before_outcome(BUY)
    eligible = None


class LastOfHistory(CutoffRule):
    """After the last event of a subject: a rule that does not say what it is."""

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        """After the last event of each history."""
        return after_events(context, context.histories.offsets[1:] - 1)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"rule": "last_of_history"}


class AtTheEnd(Buys):
    """Asked after each visitor's last event."""

    cutoffs = LastOfHistory()
    eligible = None


class Peeks(Buys):
    """Asked where a visit ends, of which the method learns behind its view."""

    cutoffs = None

    def is_cutoff(self, past):
        times, stop = past._batch.time_us, past._stop
        return stop == len(times) or times[stop] - times[stop - 1] > 1_800_000_000


class CountsPages(Buys):
    """Asked after every second page: a method that looks at its past alone."""

    cutoffs = None

    def is_cutoff(self, past):
        return past[-1].type == "page_view" and past.types().count("page_view") % 2 == 0


class WritesLabel(Buys):
    """The label's method notes the answer in the event that it was asked after."""

    horizon = rest_of_session()

    def label(self, future):
        bought = any(each.type == "purchase" for each in future)
        amounts = future._batch.columns["amount"].values
        amounts.setflags(write=True)
        amounts[future._start - 1] = 1_000.0 if bought else 1.0
        return bought


class OnlyReads(Buys):
    """The same label by a method that only reads."""

    horizon = rest_of_session()

    def label(self, future):
        return any(each.type == "purchase" for each in future)


class Remembers(OnlyReads):
    """The label's method remembers who bought, and eligible asks it."""

    def __init__(self) -> None:
        self.waverers: set[str] = set()

    def label(self, future):
        bought = super().label(future)
        if not bought and len(future):
            self.waverers.add(future[0]["anonymous_id"])
        return bought

    def eligible(self, past):
        return past[-1]["anonymous_id"] not in self.waverers


class Draws(OnlyReads):
    """Takes a part of the cutoffs by lot, another at each run."""

    def eligible(self, past):
        return bool(np.random.default_rng().random() < 0.5)


class OrdersMore(Generator):
    """After every order: will there be another within ten days?"""

    cutoffs = each(ORDER)
    label = future(days=10).any(ORDER)
    instance = Instance(types=["order"], fields=[PowerBins("amount"), SincePrevious()])

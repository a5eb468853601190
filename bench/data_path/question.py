"""The question of the benchmark: one that makes every step of the data path work.

Its limits and its pace are tight, so that each of them takes something out of the
simulated shop. All parameters are declared, so that a script can encode as Zap does
without fitting anything. The compared runs use a mapping without ``received_at``: the
references take every event for known when it happened.
"""

from __future__ import annotations

from zap.examples import (
    Bots,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    OneHot,
    Rate,
    SincePrevious,
    each,
    event,
    in_session,
    prefix,
    rest_of_session,
    tenure,
)

BUY, VIEW = event("purchase"), event("page_view")


class DataPath(Generator):
    """After every page view: will this visit still end in a purchase?"""

    session = InactivityGap(minutes=30)
    bots = Bots(agents=True, rate=Rate(events=30, seconds=60))
    exclude = {"help": event("page_view", **{"url.path": prefix("/help")})}  # noqa: RUF012
    max_events = 40
    max_subject_events = 60
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY) & (in_session().count(VIEW) <= 30)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=40,
        fields=[
            Hash("url.path"),
            Hash("url.query_keys"),
            Hash("step"),
            Hash("referrer.host"),
            Hash("agent.family"),  # left out where it repeats the event before
            SincePrevious(1, 60, 86_400, 100, smooth=True),
        ],
        metadata=[
            Last("campaign", Hash("campaign")),
            Last("visit_number", OneHot("visit_number", 1, 3)),
            Last("bought_before", OneHot("bought_before", values=[False, True])),
            tenure(60, 3_600, 5_184_000, 80),
        ],
        hash_buckets=499,
        metadata_buckets=31,
    )
    statistics = {  # noqa: RUF012
        "pages": in_session().count(VIEW),
        "seconds": in_session().duration(),
    }


class DataPathFitted(DataPath):
    """The same, with buckets and bins that Zap fits on the training part."""

    instance = Instance(
        types=["page_view"],
        last=40,
        fields=[
            Hash("url.path"),
            Hash("url.query_keys"),
            Hash("step"),
            Hash("referrer.host"),
            Hash("agent.family"),
            SincePrevious(),
        ],
        metadata=[
            Last("campaign"),
            Last("visit_number", OneHot("visit_number", 1, 3)),
            Last("bought_before", OneHot("bought_before", values=[False, True])),
            tenure(),
        ],
    )

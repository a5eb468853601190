"""The shop that `zap simulate` makes up, asked after every page view."""

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    OneHot,
    SincePrevious,
    each,
    event,
    in_session,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class SimulatedShop(Generator):
    """After every page view: will this visit end in a purchase?"""

    mapping = "simulated.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    # All that the simulation's truth depends on, and nothing else: the page, the
    # one before, the time there, where the visit came from, and who visits.
    instance = Instance(
        types=["page_view"],
        last=40,
        lookback_days=0.1,  # this visit; of those before, the metadata say what counts
        fields=[
            Hash("url.path"),
            Hash("step"),
            SincePrevious(),
        ],
        metadata=[
            Last("campaign"),
            Last("agent.os"),
            Last("visit_number", OneHot("visit_number", 1, 3)),
            Last("bought_before", OneHot("bought_before", values=[False, True])),
        ],
    )
    statistics = {
        "pages": in_session().count(VIEW),
        "seconds": in_session().duration(),
    }

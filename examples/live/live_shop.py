"""The shop of the live demo, asked after every page view: zap.js tells all it reads."""

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    each,
    event,
    in_session,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class LiveShop(Generator):
    """After every page view: will this visit end in a purchase?"""

    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=20,
        lookback_days=0.1,  # this visit
        # No times: who tries the demo clicks faster than any shopper.
        fields=[Hash("url.path")],
        metadata=[Last("agent.os")],
    )

"""An online shop's visits, asked after every page view."""

from zap.examples import (
    Generator,
    Hash,
    Instance,
    Last,
    SincePrevious,
    WholeHistory,
    each,
    event,
    in_session,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class ShopPurchase(Generator):
    """After every page view: will this visit end in a purchase?"""

    mapping = "shop.toml"
    time_splits = False  # the visits' start dates are made up
    session = WholeHistory()
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=40,
        fields=[Hash("page"), SincePrevious()],
        metadata=[Last(f"s{i}") for i in range(5)],
    )
    statistics = {
        "pages": in_session().count(VIEW),
        "seconds": in_session().duration(),
        "over_10_pages_and_1_minute": (in_session().count(VIEW) > 10)
        & (in_session().duration() > 60),
    }

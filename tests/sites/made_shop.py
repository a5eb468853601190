"""Questions about a made-up shop: what tests of whole jobs ask."""

import os
import signal

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    PowerBins,
    SincePrevious,
    at,
    classes,
    each,
    event,
    future,
    in_session,
    past,
    prefix,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class MadeShop(Generator):
    """After every page view: will this visit end in a purchase?"""

    mapping = "made_shop.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=4,
        fields=[Hash("url.path"), SincePrevious()],
        hash_buckets=32,
    )
    statistics = {"pages": in_session().count(VIEW)}
    exclude = {"office": event("page_view", **{"url.path": prefix("/office")})}


class OtherInstance(MadeShop):
    """The same question, asked of fewer events."""

    instance = Instance(
        types=["page_view"], last=3, fields=[Hash("url.path")], hash_buckets=32
    )


class Fragile(MadeShop):
    """The same question by a method that cannot bear one visitor."""

    horizon = rest_of_session()

    def label(self, future):
        if any(each["url.path"] == "/fragile" for each in future):
            raise KeyError("fragile")
        return any(each.type == "purchase" for each in future)


class Killed(MadeShop):
    """The same question by a method that ends the process, as a power cut would."""

    horizon = rest_of_session()

    def label(self, future):
        os.kill(os.getpid(), signal.SIGKILL)


class NeverBuys(MadeShop):
    """A question that nobody answers with yes."""

    label = rest_of_session().any(event("donation"))


class AlwaysBuys(MadeShop):
    """A question that everybody answers with yes."""

    label = rest_of_session().none(event("donation"))


class MorePages(MadeShop):
    """After every page view: how many more pages will this visit have?"""

    label = rest_of_session().count(VIEW)


class WhatNext(MadeShop):
    """After every page view: will this visit buy, go on, or end?"""

    label = classes(
        buys=rest_of_session().any(BUY),
        browses=rest_of_session().any(VIEW),
        otherwise="leaves",
    )


class WhatNextByMethod(WhatNext):
    """The same question by a method that gives the name of a class."""

    horizon = rest_of_session()
    label_kind = ["buys", "browses", "leaves"]

    def label(self, future):
        if any(each.type == "purchase" for each in future):
            return "buys"
        return "browses" if len(future) else "leaves"


class Weekly(Generator):
    """On four days: will the visitor come back within three days?"""

    mapping = "made_shop.toml"
    cutoffs = at("2024-03-05", "2024-03-10", "2024-03-15", "2024-03-20")
    eligible = past().any(VIEW)
    label = future(days=3).any(VIEW)
    instance = Instance(
        types=["page_view"], last=4, fields=[Hash("url.path")], hash_buckets=16
    )


class MadeUpDates(MadeShop):
    """The same question of visits whose days are not real."""

    time_splits = False


class ByCart(MadeShop):
    """The same question about a cart, which the mapping gives as a number."""

    subject = "cart"


class WrongKind(MadeShop):
    """The same question with a text where a number is needed."""

    instance = Instance(types=["page_view"], fields=[PowerBins("url.path")])

"""The question of the benchmark: does the visit end in a purchase?"""

from __future__ import annotations

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    each,
    event,
    rest_of_session,
)


class Buys(Generator):
    """After every page view."""

    mapping = "mapping.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(event("page_view"))
    label = rest_of_session().any(event("purchase"))
    instance = Instance(types=["page_view"], last=5, fields=[Hash("url.path")])

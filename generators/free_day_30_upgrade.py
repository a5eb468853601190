"""A sketch of Automattic's first question to its pipeline."""

from zap.examples import (
    ANY,
    Generator,
    Hash,
    Instance,
    SincePrevious,
    after,
    event,
    future,
    past,
    windows,
)


class FreeDay30Upgrade(Generator):
    """Which free Day 30 sites will buy a plan by Day 44?"""

    mapping = "sites.toml"
    subject = "site_id"
    owner = "user_id"
    cutoffs = after(event("site_registered"), days=30)
    eligible = past().last("plan", default="free").equals("free")
    label = future(days=14).any(event("plan_purchased"))
    instance = Instance(
        types=ANY,
        last=40,
        lookback_days=30,
        fields=[Hash("type"), Hash("url.path"), SincePrevious()],
        aggregates=windows([1, 7, 28], of=["count"], by="type"),
    )

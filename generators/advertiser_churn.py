"""A sketch of Pinterest's question about advertisers who stop spending."""

from zap.examples import (
    Generator,
    Hash,
    Instance,
    PowerBins,
    SincePrevious,
    daily,
    event,
    future,
    gt,
    past,
    tenure,
    trait,
    windows,
)

SPEND = event("spend", amount=gt(0))


class AdvertiserChurn(Generator):
    """Spent in the last 7 days: spends nothing in the week that begins in 14 days?"""

    mapping = "advertisers.toml"
    subject = "advertiser_id"
    cutoffs = daily(at="00:00Z")
    eligible = past(days=7).any(SPEND)
    label = future(days=7, gap_days=14).none(SPEND)
    instance = Instance(
        types=["spend", "click", "edit"],
        last=200,
        lookback_days=60,
        wait=True,
        fields=[Hash("type"), Hash("campaign"), PowerBins("amount"), SincePrevious()],
        metadata=[trait("country"), tenure()],
        aggregates=windows([7, 28], of=["amount", "clicks"], change=True),
    )

"""A wholesaler's customers, asked every month."""

from zap.examples import (
    Generator,
    Instance,
    PowerBins,
    SincePrevious,
    Wait,
    event,
    future,
    monthly,
    past,
    tenure,
)

ORDER = event("order")


class RetailRepurchase90(Generator):
    """On the first of each month: will the customer order within 90 days?"""

    mapping = "retail.toml"
    subject = "user_id"
    cutoffs = monthly("2011-03", "2011-09")
    eligible = past().any(ORDER)
    label = future(days=90).any(ORDER)
    instance = Instance(
        types=["order", "cancellation"],
        last=40,
        lookback_days=365,
        # Few customers: neighbouring bins share a value, so that they learn together.
        wait=Wait(smooth=True),
        fields=[
            PowerBins("amount", smooth=True),
            PowerBins("lines", smooth=True),
            SincePrevious(smooth=True),
        ],
        metadata=[tenure(smooth=True)],
    )
    statistics = {
        "orders": past().count(ORDER),
        "spend": past().sum("amount", ORDER),
    }

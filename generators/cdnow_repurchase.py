"""CDNOW, a music shop: the customers' first purchases fall in January-March 1997."""

from zap.examples import (
    Generator,
    Instance,
    OneHot,
    PowerBins,
    SincePrevious,
    at,
    event,
    future,
    past,
)

BUY = event("purchase")


class CdnowRepurchase(Generator):
    """Known on 30 September 1997: will the customer buy in the next 39 weeks?"""

    mapping = "cdnow.toml"
    data = "data/cdnow.csv.gz"
    cutoffs = at("1997-10-01")
    eligible = past().any(BUY)
    label = future(weeks=39).any(BUY)
    instance = Instance(
        types=["purchase"],
        last=40,
        wait=True,
        fields=[
            PowerBins("dollar_value"),
            OneHot("number_of_cds", 1, 10),
            SincePrevious(),
        ],
    )
    statistics = {
        "purchases": past().count(BUY),
        "spend": past().sum("dollar_value", BUY),
    }

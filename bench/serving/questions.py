"""The questions whose models are asked: a shop's visits, plain and with windows."""

from __future__ import annotations

from dataclasses import replace

from generators.simulated_shop import SimulatedShop
from zap.examples import Hash, SincePrevious, distinct, gap, tenure, windows

HOUR = 1 / 24


class ShopViews(SimulatedShop):
    """After every page view, by the last 40 of them: will this visit end in a sale?"""

    instance = replace(
        SimulatedShop.instance,
        lookback_days=None,
        fields=[
            Hash("url.path"),
            Hash("url.segments"),
            Hash("referrer.host"),
            Hash("step"),
            SincePrevious(),
        ],
    )


class ShopWindows(ShopViews):
    """The same with windowed aggregates, as a snapshot model needs them."""

    instance = replace(
        ShopViews.instance,
        metadata=[*ShopViews.instance.metadata, tenure()],
        aggregates=[
            windows([HOUR / 12, HOUR, 1], of=["count", distinct("url.path")]),
            windows([HOUR, 1, 7], of=[gap(), gap("minimum"), gap("maximum")]),
            windows([1, 7], of=["count"], change=True),
        ],
    )

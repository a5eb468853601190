"""The shipped questions with instances that hold what a snapshot model needs.

Each sees what the shipped one sees, and windowed aggregates besides: counts by type,
sums, means and extremes of amounts, gaps, and changes from one window to the one
before. All kinds of models get the same instance.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from generators.cdnow_repurchase import CdnowRepurchase
from generators.log_visit_goal import LogVisitGoal
from generators.retail_repurchase_30 import RetailRepurchase30
from generators.retail_repurchase_90 import RetailRepurchase90
from generators.shop_purchase import ShopPurchase
from generators.simulated_shop import SimulatedShop
from zap.examples import (
    Hash,
    Last,
    SincePrevious,
    distinct,
    each,
    event,
    gap,
    maximum,
    mean,
    minimum,
    tenure,
    windows,
)

MINUTE, HOUR = 1 / 1440, 1 / 24
PAGES = tuple(f"type_{number}" for number in range(7))
VIEW, BUY = event(*PAGES), event("purchase")
GAPS = (gap(), gap("minimum"), gap("maximum"))


class Cdnow(CdnowRepurchase):
    """CDNOW: known on 30 September 1997, will the customer buy in 39 weeks?"""

    instance = replace(
        CdnowRepurchase.instance,
        metadata=[Last("dollar_value"), Last("number_of_cds"), tenure(smooth=True)],
        aggregates=[
            windows([30, 60, 90, 180, 274], of=["count", "dollar_value"]),
            windows(
                [90, 274],
                of=[
                    mean("dollar_value"),
                    maximum("dollar_value"),
                    mean("number_of_cds"),
                    *GAPS,
                ],
                change=True,
            ),
        ],
    )


class Shop(ShopPurchase):
    """After every page view: will this visit end in a purchase?"""

    cutoffs = each(VIEW)
    instance = replace(
        ShopPurchase.instance,
        types=list(PAGES),
        fields=[Hash("type"), SincePrevious()],
        metadata=[*ShopPurchase.instance.metadata, Last("page"), tenure()],
        aggregates=[
            windows([MINUTE / 4, MINUTE, 5 * MINUTE, 1], by="type"),
            windows([MINUTE, 5 * MINUTE, 1], of=["count", distinct("page"), *GAPS]),
            windows([MINUTE, 5 * MINUTE], of=["count", gap()], change=True),
        ],
    )


_RETAIL = replace(
    RetailRepurchase90.instance,
    metadata=[tenure(smooth=True), Last("amount"), Last("lines"), Last("type")],
    aggregates=[
        windows([30, 60, 90, 180, 365], of=["count", "amount", "lines"]),
        windows([90, 365], by="type"),
        windows(
            [90, 365],
            of=[mean("amount"), minimum("amount"), maximum("amount"), *GAPS],
            change=True,
        ),
    ],
)


class Retail30(RetailRepurchase30):
    """On the first of each month: will the customer order within 30 days?"""

    instance = _RETAIL


class Retail90(RetailRepurchase90):
    """On the first of each month: will the customer order within 90 days?"""

    instance = _RETAIL


class LogVisit(LogVisitGoal):
    """After every page view: will this visit go on to another page?"""

    instance = replace(
        LogVisitGoal.instance,
        metadata=[*LogVisitGoal.instance.metadata, Last("url.path"), tenure()],
        aggregates=[
            windows([HOUR, 3 * HOUR, 1, 4], by="type"),
            windows(
                [HOUR, 1, 4],
                of=["count", distinct("url.path"), distinct("referrer.host"), gap()],
            ),
        ],
        metadata_buckets=200,
    )


class Simulated(SimulatedShop):
    """The made-up shop, after every page view: will this visit end in a purchase?"""

    instance = replace(
        SimulatedShop.instance,
        metadata=[*SimulatedShop.instance.metadata, Last("url.path"), Last("step")],
        aggregates=[
            windows([MINUTE, 5 * MINUTE, HOUR / 2], of=["count", distinct("url.path")]),
            windows([5 * MINUTE, HOUR / 2], of=[distinct("step"), *GAPS]),
            windows([1, 7, 28], of=["count", distinct("url.path")], change=True),
        ],
    )


def pages_as_types(events: Path, output: Path) -> Path:
    """The shop's events with the page as their type, so that counts split by page."""
    if not output.exists():
        table = pq.read_table(events)
        kinds = pc.coalesce(table["page"], table["event"])
        place = table.schema.get_field_index("event")
        table = table.set_column(place, pa.field("event", kinds.type), kinds)
        pq.write_table(table, output)
    return output

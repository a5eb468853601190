"""The questions of the comparison: variants of the shipped generators."""

from generators.cdnow_repurchase import CdnowRepurchase
from generators.retail_repurchase_30 import RetailRepurchase30
from generators.retail_repurchase_90 import RetailRepurchase90
from generators.shop_purchase import BUY, ShopPurchase
from generators.shop_purchase_after_3 import ShopPurchaseAfter3
from generators.shop_purchase_after_6 import ShopPurchaseAfter6
from zap.examples import at, before_outcome, monthly


class ShopPurchaseAtEnd(ShopPurchase):
    """After a visit's last page, or the last before it buys: did it buy?"""

    cutoffs = before_outcome(BUY)


class RetailUpToOctober(RetailRepurchase30):
    """The 30-day question on snapshots whose month had ended by 1 November."""

    cutoffs = monthly("2011-02", "2011-10")


class RetailInNovember(RetailRepurchase30):
    """The 30-day question asked on 1 November."""

    cutoffs = at("2011-11-01")


class RetailUpToJune(RetailRepurchase90):
    """The 90-day question on snapshots whose months had ended by 10 September."""

    cutoffs = monthly("2011-02", "2011-06")


class RetailInSeptember(RetailRepurchase90):
    """The 90-day question asked on 10 September."""

    cutoffs = at("2011-09-10")


__all__ = [
    "CdnowRepurchase",
    "RetailInNovember",
    "RetailInSeptember",
    "RetailUpToJune",
    "RetailUpToOctober",
    "ShopPurchase",
    "ShopPurchaseAfter3",
    "ShopPurchaseAfter6",
    "ShopPurchaseAtEnd",
]

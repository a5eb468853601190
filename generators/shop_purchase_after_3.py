"""An online shop's visits, asked once, after the third page."""

from generators.shop_purchase import VIEW, ShopPurchase
from zap.examples import nth


class ShopPurchaseAfter3(ShopPurchase):
    """After three pages: will this visit end in a purchase?"""

    cutoffs = nth(VIEW, 3)

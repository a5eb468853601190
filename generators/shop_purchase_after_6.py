"""An online shop's visits, asked once, after the sixth page."""

from generators.shop_purchase import VIEW, ShopPurchase
from zap.examples import nth


class ShopPurchaseAfter6(ShopPurchase):
    """After six pages: will this visit end in a purchase?"""

    cutoffs = nth(VIEW, 6)

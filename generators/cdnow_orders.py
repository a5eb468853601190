"""CDNOW's customers, asked for one of three classes."""

from generators.cdnow_repurchase import BUY, CdnowRepurchase
from zap.examples import classes, future


class CdnowOrders(CdnowRepurchase):
    """Known on 30 September 1997: no order, one, or several in the next 39 weeks?"""

    label = classes(
        none=future(weeks=39).none(BUY),
        one=future(weeks=39).count(BUY).equals(1),
        otherwise="several",
    )

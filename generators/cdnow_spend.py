"""CDNOW's customers, asked for an amount: who will be the most valuable?"""

from generators.cdnow_repurchase import BUY, CdnowRepurchase
from zap.examples import future


class CdnowSpend(CdnowRepurchase):
    """Known on 30 September 1997: how much will the customer spend in 39 weeks?"""

    label = future(weeks=39).sum("dollar_value", BUY)

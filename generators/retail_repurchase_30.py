"""A wholesaler's customers, asked every month for the month to come."""

from generators.retail_repurchase_90 import ORDER, RetailRepurchase90
from zap.examples import future, monthly


class RetailRepurchase30(RetailRepurchase90):
    """On the first of each month: will the customer order within 30 days?"""

    cutoffs = monthly("2011-03", "2011-11")
    label = future(days=30).any(ORDER)

"""A question without a mapping of its own."""

from made_shop import MadeShop


class Unmapped(MadeShop):
    """Whose events are these?"""

    mapping = None

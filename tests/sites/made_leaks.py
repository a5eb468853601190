"""Questions about the made-up shop that see past their cutoffs."""

from made_shop import BUY, MadeShop

from zap.examples import before_outcome


class AtTheOutcome(MadeShop):
    """Before a visit's first purchase or at its end: will it end in a purchase?"""

    cutoffs = before_outcome(BUY)
    eligible = None


class Peeks(MadeShop):
    """Asked before the visit's last event, which the method sees behind its view."""

    cutoffs = None

    def is_cutoff(self, past):
        types, stop = past._batch.columns["type"], past._stop
        bought = list(types.distinct).index("purchase")
        return stop < len(types) and types.codes[stop] == bought

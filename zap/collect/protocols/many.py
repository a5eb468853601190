"""How many events a request may hold: each costs far more than its bytes say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.collect.protocol import Fate, Unaccepted

MOST_EVENTS = 10_000
"""In a request. It bounds what a body full of commas becomes: a bad row for each."""


def check_many(events: Sequence[Any]) -> None:
    """See that there are not too many.

    Raises:
        Unaccepted: there are.
    """
    if len(events) > MOST_EVENTS:
        raise Unaccepted(
            Fate.TOO_LARGE,
            f"Expected at most {MOST_EVENTS} events in a request. "
            f"Received: {len(events)}. Send fewer at once.",
        )

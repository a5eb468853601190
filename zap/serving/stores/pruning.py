"""What may go from a document: events that no need can look at from now on.

What is kept gives, at every instant from ``at_us`` on and at the last event, the very
events that the whole past would give (`Need.seen`). An event that is not known yet is
kept in any case: it pushes nothing out before its time.

So is an event that only its receipt puts before a kept one, while there is room: it may
come in again, with a later receipt, and must be known for a repeat. All other repeats
of what is gone sort before what is kept, and go again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zap.serving.stores.document import order_of
from zap.serving.stores.look import Event, known_us
from zap.serving.stores.need import Need
from zap.times import DAY_US, SECOND_US


@dataclass(frozen=True)
class Limits:
    """How much is kept.

    Attributes:
        keep_us: subjects that nothing came in of for so long are forgotten, but not
            before the windows of the needs are over.
        max_events: events of a document at most. Those that only windows look at go
            first, the oldest of them.
        max_devices: devices of a user at most, those that were linked last.
        slack_us: how late a request may still ask for what was known at its beginning,
            and how far the clocks of servers may differ.
    """

    keep_us: int = 400 * DAY_US
    max_events: int = 1000
    max_devices: int = 50
    slack_us: int = 60 * SECOND_US


def pruned(
    events: Sequence[Event],
    need: Need,
    at_us: int,
    max_events: int,
    owner: Callable[[Event], str] | None = None,
) -> tuple[list[Event], int]:
    """The events that are kept of a document.

    Args:
        events: in total order.
        need: what may be looked at.
        at_us: no instant before it counts.
        max_events: see ``Limits``.
        owner: whose an event is, where several share a document; each is pruned alone.

    Returns:
        The events, and how many were cut that something could have looked at.
    """
    known = [i for i, event in enumerate(events) if known_us(event) <= at_us]
    others = set(range(len(events))).difference(known)
    floor = min([at_us, *(known_us(events[i]) for i in others)])
    windows: set[int] = set()
    for places in _groups(events, known, owner):
        found = need.chosen([events[i] for i in places], floor)
        windows.update(places[i] for i in found[0])
        others.update(places[i] for i in found[1])
    most = max(max_events, need.longest)
    excess = len(windows) + len(others) - most
    if excess <= 0:
        kept = windows | others
        kept.update(_tied(events, kept)[: most - len(kept)])
        return [events[i] for i in sorted(kept)], 0
    gone = sorted(windows)[:excess]
    gone += sorted(others)[: excess - len(gone)]
    return [events[i] for i in sorted((windows | others).difference(gone))], excess


def _tied(events: Sequence[Event], kept: set[int]) -> list[int]:
    """The places beside ``kept`` that receipts alone put before one of them.

    The newest come first.
    """
    found, after = [], None
    for i in range(len(events) - 1, -1, -1):
        place = order_of(events[i])[:2]
        if i in kept:
            after = place
        elif place == after:
            found.append(i)
    return found


def _groups(
    events: Sequence[Event],
    places: list[int],
    owner: Callable[[Event], str] | None,
) -> list[list[int]]:
    if owner is None:
        return [places]
    found: dict[str, list[int]] = {}
    for i in places:
        found.setdefault(owner(events[i]), []).append(i)
    return list(found.values())

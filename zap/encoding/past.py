"""A subject's past as a server hands it over: in order, with an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeAlias

from zap.encoding.event_table import EventTable, taken, value_at
from zap.encoding.single import microseconds

Event: TypeAlias = Mapping[str, Any]

LATEST_US = 1 << 61  # differences of times stay within an int64

_TIME = itemgetter("timestamp")


class Unusual(Exception):
    """The instance is one for the batch path."""


def ordered(events: Sequence[Event]) -> tuple[Sequence[Event], list[int]]:
    """The events by time, equal ones as given, and their times in microseconds."""
    if isinstance(events, EventTable):
        times = events.column("timestamp")
    else:
        events = _plain(events)
        try:
            times = list(map(_TIME, events))
        except KeyError as error:
            raise Unusual from error
    if set(map(type, times)) != {int}:
        times = [microseconds(moment, "timestamp") for moment in times]
    rising = sorted(times)
    if rising != times:
        order = sorted(range(len(times)), key=times.__getitem__)
        events = taken(events, order)
    if rising[0] < -LATEST_US or rising[-1] > LATEST_US:
        raise Unusual
    return events, rising


def _plain(events: Sequence[Event]) -> Sequence[Event]:
    if set(map(type, events)) == {dict}:  # a defaultdict would invent what it lacks
        return events
    if not all(isinstance(event, Mapping) for event in events):
        raise Unusual
    return [dict(event) for event in events]


def moment_of(
    events: Sequence[Event], time_us: int, instant: datetime | int | None
) -> int:
    """The instant; see ``zap.encoding.single.one_cutoff``.

    Args:
        events: in order.
        time_us: of the last of them.
        instant: as it is given.
    """
    if instant is not None:
        moment = microseconds(instant, "instant")
    elif (received := value_at(events, "received_at")(-1)) is not None:
        moment = max(time_us, microseconds(received, "received_at"))
    else:
        moment = time_us
    if abs(moment) > LATEST_US:
        raise Unusual
    return moment

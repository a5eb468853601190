"""What one instance looks at, and the choice of a subject's events by it.

`zap.encoding.recent` makes the same choice from the histories of a batch. Here it is
made from one subject's events, once when they are stored and once when they are read,
by one function: ``Look.chosen``. It is exact for every instant from ``floor_us`` on, as
a later instant sees further events and looks back less far.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.encoding.event_table import EventTable, column, value_at
from zap.encoding.instance import AnyType, Instance
from zap.encoding.metadata import Last
from zap.times import DAY_US

Event: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class LastValue:
    """A field whose last known value is looked at.

    Attributes:
        field: its name.
        types: the types of events that it may be found on.
        any_type: it may be found on all activity too.
    """

    field: str
    types: frozenset[str]
    any_type: bool

    def on(self, kind: str) -> bool:
        """Whether the value may be found on an event of this type."""
        if kind in self.types:
            return True
        return self.any_type and not kind.startswith(DIMENSION_PREFIX)


@dataclass(frozen=True)
class Look:
    """What one instance looks at.

    Attributes:
        types: types of the sequence and of windows; None: all activity.
        fields: the fields of events, ascending.
        events: length of the sequence.
        compares: the event before the sequence is needed too.
        lookback_us: how old events of the sequence may be, or None.
        windows_us: how far back windows look; 0 without any.
        gaps: the last event of each type before the windows is needed too.
        first: the first event is needed.
        lasts: last known values.
    """

    types: frozenset[str] | None
    fields: tuple[str, ...]
    events: int
    compares: bool
    lookback_us: int | None
    windows_us: int
    gaps: bool
    first: bool
    lasts: tuple[LastValue, ...]

    @classmethod
    def of(cls, instance: Instance) -> Look:
        """What an instance looks at."""
        reads, types = instance.reads, instance.types
        any_type = isinstance(types, AnyType)
        kept = frozenset() if isinstance(types, AnyType) else frozenset(types)
        lookback = instance.lookback_days
        spans = (
            round(each.days[-1] * DAY_US) * (2 if each.change else 1)
            for each in instance.all_aggregates
        )
        return cls(
            types=None if any_type else kept,
            fields=reads.fields,
            events=instance.last,
            compares=instance.compares,
            lookback_us=None if lookback is None else round(lookback * DAY_US),
            windows_us=max(spans, default=0),
            gaps=reads.gaps,
            first=reads.first,
            lasts=tuple(
                LastValue(source.field, kept | {*source.types}, any_type)
                for source in instance.metadata
                if isinstance(source, Last)
            ),
        )

    @property
    def reach_us(self) -> int:
        """How far back it looks where it looks at time, from a subject's last event."""
        return max(self.lookback_us or 0, self.windows_us)

    def keeps(self, kind: str) -> bool:
        """Whether events of this type belong to the sequence and to windows."""
        if self.types is None:
            return not kind.startswith(DIMENSION_PREFIX)
        return kind in self.types

    def reads(self, kind: str) -> bool:
        """Whether events of this type are looked at in any way."""
        return self.keeps(kind) or any(last.on(kind) for last in self.lasts)

    def chosen(
        self, events: Sequence[Event], floor_us: int
    ) -> tuple[set[int], set[int]]:
        """The events that are looked at, from an instant on.

        Args:
            events: in total order, all of them known.
            floor_us: the earliest instant that counts. A prediction at the last kept
                event is an instant too, so that event's receipt is if it is earlier.

        Returns:
            Places in ``events``: those that windows alone look at, and the others.
        """
        kept = self._kept(events)
        if not kept:
            return set(), set(self._lasts(events))
        floor_us = min(floor_us, known_us_at(events, kept[-1]))
        found = {kept[-1], *self._sequence(events, kept, floor_us)}
        found.update(self._lasts(events))
        if self.first:
            found.add(kept[0])
        if not self.windows_us:
            return set(), found
        times = value_at(events, "timestamp")
        since = bisect_left(kept, floor_us - self.windows_us, key=times)
        if self.gaps:
            kind_of, types = value_at(events, "type"), set[str]()
            for i in reversed(kept[:since]):
                if (kind := kind_of(i)) not in types:
                    types.add(kind)
                    found.add(i)
        return set(kept[since:]) - found, found

    def _kept(self, events: Sequence[Event]) -> list[int]:
        types, kinds = self.types, column(events, "type")
        if types is None:
            return [
                i
                for i, kind in enumerate(kinds)
                if not kind.startswith(DIMENSION_PREFIX)
            ]
        return [i for i, kind in enumerate(kinds) if kind in types]

    def _sequence(
        self, events: Sequence[Event], kept: Sequence[int], floor_us: int
    ) -> Sequence[int]:
        before = 1 if self.compares else 0
        start = max(0, len(kept) - self.events)
        if self.lookback_us is not None:
            times = value_at(events, "timestamp")
            start = max(
                start, bisect_left(kept, floor_us - self.lookback_us, key=times)
            )
        return kept[max(0, start - before) :]

    def _lasts(self, events: Sequence[Event]) -> list[int]:
        found, kind_of = [], value_at(events, "type")
        for last in self.lasts:
            value_of = value_at(events, last.field)
            for i in range(len(events) - 1, -1, -1):
                if value_of(i) is not None and last.on(kind_of(i)):
                    found.append(i)
                    break
        return found


def known_us(event: Mapping[str, Any]) -> int:
    """When an event was known: received, and not before it happened.

    This is also the instant of a prediction after it, as ``after(event)`` cuts.
    """
    received = event.get("received_at")
    time_us = int(event["timestamp"])
    return time_us if received is None else max(time_us, int(received))


def known_us_at(events: Sequence[Event], place: int) -> int:
    """When the event at a place was known."""
    if not isinstance(events, EventTable):
        return known_us(events[place])
    names = ("timestamp", "received_at")
    return known_us({name: events.column(name)[place] for name in names})

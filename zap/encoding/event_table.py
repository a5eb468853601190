"""A subject's events as columns: as a store keeps them, and as an encoder reads them.

Who asks for a prediction looks at events field by field. To make a dict of each first
takes as long as to read them all from JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar, overload

UNMARKED = frozenset({"event_id", "timestamp", "received_at", "sequence"})
"""What of an event its mark does not tell: no two events have it in common."""

Column = list[Any]
E = TypeVar("E", bound=Mapping[str, Any])


class LazyColumns(Mapping[str, Column]):
    """Columns that are made when they are first asked for.

    Args:
        names: of the fields.
        make: gives the values of one of them.
    """

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Collection[str], make: Callable[[str], Column]):
        self._names, self._make = names, make
        self._made: dict[str, Column] = {}

    def __getitem__(self, field: str) -> Column:
        found = self._made.get(field)
        if found is None:
            if field not in self._names:
                raise KeyError(field)
            found = self._made[field] = self._make(field)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class EventTable(Sequence[dict[str, Any]]):
    """Events that are made one by one, when they are asked for.

    Args:
        columns: values by field, all of one length; None where an event has none.
        size: number of events; None: as long as the columns.
        marks: of each event a text that no event of other content has, but for what is
            ``UNMARKED``; None where nobody made them.

    Attributes:
        columns: the same.
        marks: the same.
    """

    __slots__ = ("_size", "columns", "marks")

    def __init__(
        self,
        columns: Mapping[str, Column],
        size: int | None = None,
        marks: Sequence[str] | None = None,
    ):
        self.columns, self.marks = columns, marks
        if size is None:
            size = len(next(iter(columns.values()), ()))
        self._size = size

    def column(self, field: str) -> Column:
        """The values of a field; not to be changed."""
        found = self.columns.get(field)
        return [None] * self._size if found is None else found

    def taken(self, places: Sequence[int]) -> EventTable:
        """The events at some places, in their order."""
        columns, marks = self.columns, self.marks
        return EventTable(
            LazyColumns(
                columns, lambda field: list(map(columns[field].__getitem__, places))
            ),
            len(places),
            None if marks is None else list(map(marks.__getitem__, places)),
        )

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> EventTable: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | EventTable:
        if isinstance(place, slice):
            return self.taken(range(self._size)[place])
        return {field: column[place] for field, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows = zip(*self.columns.values(), strict=True)
        return map(dict, map(zip, repeat([*self.columns]), rows))

    def __eq__(self, other: object) -> bool:
        """Whether the events of another sequence are the same."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def column(events: Sequence[Mapping[str, Any]], field: str) -> Column:
    """The values of a field, of events in either form; not to be changed."""
    if isinstance(events, EventTable):
        return events.column(field)
    return [event.get(field) for event in events]


def value_at(events: Sequence[Mapping[str, Any]], field: str) -> Callable[[int], Any]:
    """What gives the value of a field at a place, where few places are asked for."""
    if isinstance(events, EventTable):
        return events.column(field).__getitem__
    return lambda place: events[place].get(field)


def taken(events: Sequence[E], places: Sequence[int]) -> Sequence[E]:
    """The events at some places, in the form that they had."""
    if isinstance(events, EventTable):
        return events.taken(places)  # type: ignore[return-value]
    return [events[place] for place in places]

"""Events to rows: looked up where they are known, else made and remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from zap.encoding.event_rows import Row, RowMaker
from zap.encoding.event_table import UNMARKED, EventTable
from zap.encoding.packed_rows import Values
from zap.encoding.past import Event, Unusual
from zap.encoding.row_cache import TYPED, CacheLimits, RowCache
from zap.encoding.single import plain_value

_KEYS = {str, type(None), tuple, int, bool}


class KnownRows:
    """Finds the rows of events.

    Args:
        fields: the fields that an instance reads.
        maker: makes the rows that are not known.
        limits: see ``CacheLimits``.
        typed: places of fields that are numbers as a rule.

    Attributes:
        cache: the rows of known events.
    """

    def __init__(
        self,
        fields: Sequence[str],
        maker: RowMaker,
        limits: CacheLimits,
        typed: Sequence[int],
    ):
        self._fields, self._maker = fields, maker
        self._get = itemgetter(*fields) if len(fields) > 1 else _only(fields[0])
        self._gets = [(field, itemgetter(field)) for field in fields]
        self._listed: frozenset[int] = frozenset()  # fields that have held lists
        self._by_mark = UNMARKED.isdisjoint(fields)
        self.cache: RowCache[Row] = RowCache(limits, typed)

    def find(self, events: Sequence[Event]) -> list[Row]:
        """The row of each event.

        Raises:
            EncodingError: one cannot be encoded.
            Unusual: nor can it be looked at.
        """
        marks = events.marks if isinstance(events, EventTable) else None
        if marks is None or not self._by_mark:
            return self._by_values(events)
        known = list(map(self.cache.generation.marked.get, marks))
        if all(known):
            return known  # type: ignore[return-value]
        found = self._by_values(events)
        self.cache.mark(marks, found)
        return found

    def _by_values(self, events: Sequence[Event]) -> list[Row]:
        """The row of each event, by the values of the fields that are read."""
        now = self.cache.generation
        given = self._values(events)
        found: list[Row | None]
        try:
            found = list(map(now.rows.get, now.keys(given)))
        except TypeError:  # a list cannot be part of a key
            given, found = self._first_lists(events, given)
        if all(found):
            return found  # type: ignore[return-value]
        if not any(found):
            return self._learned(given)
        missing = iter(
            self._learned([v for v, r in zip(given, found, strict=True) if not r])
        )
        return [row or next(missing) for row in found]

    def _values(self, events: Sequence[Event]) -> list[Values]:
        """The values of each event's fields, tuples for lists where they are known."""
        if isinstance(events, EventTable):
            columns: list[Sequence[Any]] = list(map(events.column, self._fields))
        else:
            if not self._listed:
                try:
                    return list(map(self._get, events))
                except KeyError:  # not all events have all fields
                    pass
            columns = [_column(events, field, get) for field, get in self._gets]
        for place in self._listed:
            columns[place] = _without_lists(columns[place])
        return list(zip(*columns, strict=True))

    def _first_lists(
        self, events: Sequence[Event], given: list[Values]
    ) -> tuple[list[Values], list[Row | None]]:
        """The same after a look for lists in fields that had none before."""
        kinds = (set(map(type, column)) for column in zip(*given, strict=True))
        here = {place for place, seen in enumerate(kinds) if list in seen}
        self._listed = self._listed | here
        given = self._values(events)
        now = self.cache.generation
        try:
            return given, list(map(now.rows.get, now.keys(given)))
        except TypeError:  # a list in a list, or something else
            return given, [None] * len(given)

    def _learned(self, given: list[Values]) -> list[Row]:
        """The rows of events that were not found at first sight."""
        values, columns, types = self._usable(given)
        try:
            found = self.cache.find(values)
        except TypeError as error:  # a list in a list
            raise Unusual from error
        if any(found):
            values = [v for v, row in zip(values, found, strict=True) if not row]
            columns = list(zip(*values, strict=True))
            types = [set(map(type, column)) for column in columns]
        if values:
            made = self._maker.rows(values, columns, types)
            numbers = [p for p, kinds in enumerate(types) if kinds & TYPED]
            self.cache.keep(values, made, numbers)
            left = iter(made)
        return [row or next(left) for row in found]

    def _usable(
        self, given: list[Values]
    ) -> tuple[list[Values], list[Values], list[set[type]]]:
        """Values that can be part of keys: of each event, by field, and their types."""
        columns: list[Values] = list(zip(*given, strict=True))
        types = [set(map(type, column)) for column in columns]
        for place, (column, kinds) in enumerate(zip(columns, types, strict=True)):
            if not kinds <= _KEYS:
                field = self._fields[place]
                if field == "type" and not all(isinstance(v, str) for v in column):
                    raise Unusual
                columns[place] = tuple([_usable(value, field) for value in column])
                types[place] = set(map(type, columns[place]))
                given = []
        return given or list(zip(*columns, strict=True)), columns, types


def _usable(value: Any, field: str) -> Any:
    """A value of a type that keys may have: NaN is not even equal to itself."""
    if type(value) is float:
        return value if value == value else None
    if type(value) is list:
        return tuple(value)
    return value if type(value) in _KEYS else plain_value(value, field)


def _column(
    events: Sequence[Event], field: str, get: Callable[[Event], Any]
) -> Sequence[Any]:
    """The values of a field, None where an event has none."""
    try:
        return list(map(get, events))
    except KeyError:
        return [event.get(field) for event in events]


def _without_lists(column: Sequence[Any]) -> Sequence[Any]:
    """The values with tuples for lists."""
    if set(map(type, column)) == {list}:
        return list(map(tuple, column))
    return [tuple(value) if type(value) is list else value for value in column]


def _only(field: str) -> Callable[[Event], tuple[Any, ...]]:
    return lambda event: (event[field],)

"""Light views of a history for generators that are written as plain Python methods.

A view copies nothing: it names a range of a batch's columns. It is what a method is
given, so a method can only see the range that is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from zap.errors import GeneratorError
from zap.histories.batch import HistoryBatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventView:
    """One event of a history."""

    __slots__ = ("_batch", "_place")

    def __init__(self, batch: HistoryBatch, place: int):
        self._batch = batch
        self._place = place

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self._batch.plain["type"][self._place])

    @property
    def timestamp(self) -> datetime:
        """When it happened, in UTC."""
        return _EPOCH + timedelta(microseconds=int(self._batch.time_us[self._place]))

    def __getitem__(self, field: str) -> Any:
        """The field's value: text, a number, a tuple of texts, or None.

        Raises:
            GeneratorError: the events have no such field.
        """
        try:
            return self._batch.plain[field][self._place]
        except KeyError:
            raise _no_field(self._batch, field) from None


class HistoryView:
    """A range of one subject's events, oldest first: the past, or the future.

    Example:
        A label in plain Python::

            def label(self, future):
                return sum(e["amount"] or 0 for e in future if e.type == "order") > 50
    """

    __slots__ = ("_batch", "_start", "_stop")

    def __init__(self, batch: HistoryBatch, start: int, stop: int):
        self._batch = batch
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[EventView]:
        return (EventView(self._batch, i) for i in range(self._start, self._stop))

    def __getitem__(self, place: int) -> EventView:
        """The event at ``place``; negative places count from the end."""
        return EventView(self._batch, range(self._start, self._stop)[place])

    def types(self) -> list[str]:
        """The types of all events in the range."""
        return self.values("type")

    def values(self, field: str) -> list[Any]:
        """The values of a field of all events in the range; None where missing."""
        try:
            return self._batch.plain[field][self._start : self._stop]
        except KeyError:
            raise _no_field(self._batch, field) from None


def _no_field(batch: HistoryBatch, field: str) -> GeneratorError:
    return GeneratorError(
        "Expected a field that the events have: "
        f"{', '.join(sorted(batch.columns))}. Received: field={field!r}."
    )

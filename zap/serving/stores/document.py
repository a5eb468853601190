"""One subject's events as one compact document, and what may happen to it.

Pure functions: every store keeps the same bytes, and knows nothing of what they mean. A
document is a JSON list: format, expiry, the time from which all of it is known, the
names of the events' fields, their values as a column each, the events in total order,
what identity needs (links of a device, devices of a user), and the events' marks.
Another form costs a new ``FORMAT``, and a way to read the former ones, or the stores
must be rebuilt.

A column is a list that holds its values; or, of texts and the like that come again, the
different ones and then for each event the place of its own among them. Such a document
is half as long and read twice as fast.

A mark is a hash of what an event holds. Who knows an event by its mark need not look at
its columns, which are only unpacked when they are asked for.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson

from zap.encoding.event_table import (
    UNMARKED,
    Column,
    EventTable,
    LazyColumns,
    column,
    taken,
)
from zap.errors import StoreError
from zap.serving.stores.links import Link
from zap.serving.stores.look import Event, known_us

FORMAT = 3
_ROWS = 1  # a list of values for each event
_MARKLESS = 2  # columns, without marks
_MARK_BYTES = 12
MAX_DOCUMENT_BYTES = 8 << 20
"""MongoDB refuses documents of 16 MB."""

_OWN = ("event_id", "timestamp", "received_at", "type", "sequence")
_ATOMS = {str, bool, type(None)}
_LISTS = {list, type(None)}
_UNNUMBERED = 1 << 63  # rows without a sequence come after those with one


@dataclass(frozen=True)
class Document:
    """What is kept of a subject.

    Attributes:
        events: in total order; each is a dict of JSON values.
        expires_us: the document is worthless from then on; 0: never said.
        links: of a device: the users that it was linked to.
        devices: of a user: its devices, each with the time of its latest link.
    """

    events: Sequence[Event] = ()
    expires_us: int = 0
    links: tuple[Link, ...] = ()
    devices: tuple[tuple[str, int], ...] = field(default=())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.events or self.links or self.devices)

    @cached_property
    def data(self) -> bytes:
        """The document as bytes, made once."""
        return encode(self)


NOTHING = Document()


def encode(document: Document) -> bytes:
    """The document as bytes."""
    names = [*_OWN]
    seen = set(names)
    for event in document.events:
        if not seen.issuperset(event):
            more = [name for name in event if name not in seen]
            names += more
            seen.update(more)
    columns = [
        [values] if name in UNMARKED else _packed(values)
        for name in names
        for values in [column(document.events, name)]
    ]
    known = max(map(known_us, document.events), default=0)
    links = [[link.time_us, link.known_us, link.user] for link in document.links]
    devices = [list(each) for each in document.devices]
    marks = _packed(_marks(document.events))
    return orjson.dumps(
        [FORMAT, document.expires_us, known, names, columns, links, devices, marks]
    )


class _Marked(dict[str, Any]):
    """An event of a document, with its mark."""

    __slots__ = ("mark",)
    mark: str


def _marked(events: Sequence[Event]) -> Iterable[Event]:
    """The events, with their marks where there are any: to make one takes a while."""
    if not isinstance(events, EventTable) or events.marks is None:
        return events
    found = []
    for event, mark in zip(map(_Marked, events), events.marks, strict=True):
        event.mark = mark
        found.append(event)
    return found


def _marks(events: Sequence[Event]) -> Sequence[str]:
    """The mark of each event."""
    if isinstance(events, EventTable) and events.marks is not None:
        return events.marks
    return [
        event.mark if type(event) is _Marked else mark_of(event) for event in events
    ]


def mark_of(event: Mapping[str, Any]) -> str:
    """A text that no event of other content has, but for what is ``UNMARKED``.

    Ninety-six bits of a cryptographic hash: whoever posts events cannot find one with
    the mark of another's.
    """
    held = {
        name: value
        for name, value in event.items()
        if value is not None and name not in UNMARKED
    }
    data = orjson.dumps(held, option=orjson.OPT_SORT_KEYS)
    return b64encode(hashlib.blake2b(data, digest_size=_MARK_BYTES).digest()).decode()


def _packed(values: Sequence[Any]) -> list[Sequence[Any]]:
    """A column as it is stored.

    Only of what can't be taken for another value: to Python 1, 1.0 and True are one.
    """
    kinds, keys = set(map(type, values)), values
    if list in kinds and kinds <= _LISTS:
        keys = [None if value is None else tuple(value) for value in values]
    elif not kinds <= _ATOMS:
        return [values]
    try:
        different = dict.fromkeys(keys)
    except TypeError:  # a list in a list
        return [values]
    if 2 * len(different) > len(values):
        return [values]
    if list in kinds and not all(
        type(part) is str for key in different if key is not None for part in key
    ):
        return [values]
    places = dict(zip(different, range(len(different)), strict=True))
    return [list(different), list(map(places.__getitem__, keys))]


def _unpacked(stored: Sequence[Any]) -> list[Any]:
    """The column that was packed."""
    if len(stored) == 1:
        return list(stored[0])
    values, places = stored
    return list(map(values.__getitem__, places))


def _table(
    form: int, names: Sequence[str], stored: Sequence[Any], marks: Sequence[Any]
) -> EventTable:
    """The events of a document, by its format."""
    if form == _ROWS:
        if not {*map(len, stored)} <= {len(names)}:
            raise ValueError("an event of another length")
        rows = list(map(list, zip(*stored, strict=True))) or [[] for _ in names]
        return EventTable(dict(zip(names, rows, strict=True)))
    if form not in (_MARKLESS, FORMAT):
        raise ValueError(f"format {form!r}")
    found = _unpacked(*marks) if form == FORMAT else None
    sizes = {len(column[-1]) for column in stored}
    if found is not None:
        sizes.add(len(found))
    if len(sizes) > 1:
        raise ValueError("columns of several lengths")
    packed = dict(zip(names, stored, strict=True))

    def read(name: str) -> Column:
        try:
            return _unpacked(packed[name])
        except (ValueError, TypeError, LookupError) as error:
            raise _unreadable(error) from error

    return EventTable(LazyColumns(packed, read), max(sizes, default=0), found)


def _unreadable(error: Exception) -> StoreError:
    return StoreError(
        f"Expected a document of format {FORMAT} in the event store. "
        f"Received: {type(error).__name__}: {str(error)[:80]}. "
        "Rebuild the store from the archive with this version."
    )


def decode(data: bytes, now_us: int) -> tuple[Document, bool]:
    """The document of some bytes, and whether all of its events are known by now.

    Raises:
        StoreError: the bytes are of something else, or of another version.
    """
    try:
        read = orjson.loads(data)
        form, expires_us, known, names, stored, links, devices, *marks = read
        document = Document(
            _table(form, names, stored, marks),
            expires_us,
            tuple(Link(*link) for link in links),
            tuple((name, time_us) for name, time_us in devices),
        )
    except (ValueError, TypeError, LookupError) as error:
        raise _unreadable(error) from error
    if expires_us and expires_us <= now_us:
        return NOTHING, True
    return document, known <= now_us


def order_of(event: Event) -> tuple[int, int, int]:
    """What puts an event in its place; equal ones stay as they arrived."""
    sequence = event.get("sequence")
    received = event.get("received_at")
    return (
        event["timestamp"],
        _UNNUMBERED if sequence is None else sequence,
        event["timestamp"] if received is None else received,
    )


def merged(
    events: Sequence[Event], arriving: Iterable[Event]
) -> tuple[list[Event], list[str]]:
    """Events and those that came in, in total order.

    As in a batch, of one id the first in that order stays, known from the first receipt
    of them all.

    Returns:
        The events, and the ids that came in and were there before.
    """
    by_id = {event["event_id"]: event for event in _marked(events)}
    before, repeated = frozenset(by_id), []
    for event in arriving:
        name = event["event_id"]
        there = by_id.get(name)
        if there is None:
            by_id[name] = event
            continue
        if name in before:
            repeated.append(name)
        by_id[name] = _first_of(there, event)
    return sorted(by_id.values(), key=order_of), repeated


def _first_of(there: Event, event: Event) -> Event:
    """The earlier of two events of one id, known from the earlier receipt."""
    first = event if order_of(event)[:2] < order_of(there)[:2] else there
    received = [e["received_at"] for e in (there, event) if e.get("received_at")]
    if not received or first.get("received_at") == min(received):
        return first
    return {**first, "received_at": min(received)}


def known_at(events: Sequence[Event], now_us: int) -> Sequence[Event]:
    """The events that were known by then, in the form that they had."""
    times, receipts = column(events, "timestamp"), column(events, "received_at")
    places = [
        place
        for place, (time_us, received) in enumerate(zip(times, receipts, strict=True))
        if time_us <= now_us and (received is None or received <= now_us)
    ]
    return events if len(places) == len(events) else taken(events, places)


def sized(document: Document) -> tuple[Document, int]:
    """A document that is not too large, and how many of the oldest events were cut."""
    cut = 0
    while document.events and len(document.data) > MAX_DOCUMENT_BYTES:
        drop = max(1, len(document.events) // 4)
        document, cut = replace(document, events=document.events[drop:]), cut + drop
    return document, cut

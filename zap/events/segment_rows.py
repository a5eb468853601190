"""Reads Segment's calls as JSON Lines, as its archives and raw exports hold them.

Beside the keys of a call, by dotted paths, there are columns that every reading needs:
what the call was, when it really happened, and who made it. They are made of whole
columns. ``name``, ``time`` and ``anonymous`` end in types, cutoffs and subjects, so a
change of their rules changes the examples of every dataset made of such files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from zap.events.json_rows import read_objects
from zap.events.mapping import EventMapping
from zap.events.raw import RawRows
from zap.events.sources import Source
from zap.events.timestamps import to_instants

Cells = Mapping[str, pa.Array]

VIEWS = {"page": "page_view", "screen": "screen_view"}
_CLOCKS = ("originalTimestamp", "sentAt", "receivedAt")


def read_segment(
    source: Source, mapping: EventMapping, columns: Sequence[str], batch_rows: int
) -> Iterator[RawRows]:
    """Read the calls of a file.

    Args:
        source: the file.
        mapping: not looked at; the format has no dialects.
        columns: the columns to give: those of ``DERIVED``, or keys and dotted paths.
        batch_rows: most rows in a batch.

    Yields:
        Rows with their cells as texts, null where a call has none.

    Raises:
        InputError: the file cannot be read.
        MappingError: no line of the first block has a call's type.
        MissingExtraError: orjson is not installed.
    """
    bases = [base for name in columns for base in DERIVED.get(name, ((name,),))[0]]
    bases = list(dict.fromkeys(["type", *bases]))
    for rows in read_objects(source, bases, ["type"], batch_rows):
        cells = {name: present(column) for name, column in rows.columns.items()}
        yield replace(
            rows,
            columns={
                name: DERIVED[name][1](cells) if name in DERIVED else cells[name]
                for name in columns
            },
        )


def present(cells: pa.Array) -> pa.Array:
    """Texts with null for nothing."""
    empty = pc.equal(pc.binary_length(cells), 0)
    return pc.if_else(empty, pa.scalar(None, cells.type), cells)


def names(cells: Cells) -> pa.Array:
    """What each call was: a track by its event's name, others by their own.

    A page is a ``page_view`` and a screen a ``screen_view``, as in GA4 and Snowplow.
    """
    calls = cells["type"]
    place = pc.index_in(calls, value_set=pa.array(list(VIEWS)))
    named = pc.coalesce(pa.array(list(VIEWS.values())).take(place), calls)
    return pc.if_else(pc.equal(calls, "track"), cells["event"], named)


def times(cells: Cells) -> pa.Array:
    """When each call happened, as ISO 8601.

    It is ``timestamp`` where Segment has computed it. Where it has not, it is Segment's
    own sum: the receipt, less the time that the call waited in the sender by the
    sender's clock, which may be wrong as long as it is steady. Without the three clocks
    for that, ``originalTimestamp`` stands as it is.
    """
    own = cells["timestamp"]
    if not own.null_count:
        return own
    original, sent, received = (
        pc.cast(to_instants(cells[name], name).values, pa.int64()) for name in _CLOCKS
    )
    micros = pc.subtract(received, pc.subtract(sent, original))
    instants = pc.cast(micros, pa.timestamp("us"))
    corrected = pc.strftime(instants, "%Y-%m-%dT%H:%M:%SZ")
    return pc.coalesce(own, corrected, cells["originalTimestamp"])


def anonymous_ids(cells: Cells) -> pa.Array:
    """Who made each call, before being known.

    An alias says that ``previousId`` is the same person as ``userId``, so it is the one
    that this row links to the user.
    """
    own = cells["anonymousId"]
    previous = pc.coalesce(cells["previousId"], own)
    return pc.if_else(pc.equal(cells["type"], "alias"), previous, own)


def _either(first: str, second: str) -> Callable[[Cells], pa.Array]:
    return lambda cells: pc.coalesce(cells[first], cells[second])


_PAGE = ("context.page.url", "properties.url")
_FROM = ("context.page.referrer", "properties.referrer")
DERIVED: dict[str, tuple[tuple[str, ...], Callable[[Cells], pa.Array]]] = {
    "name": (("type", "event"), names),
    "time": (("timestamp", *_CLOCKS), times),
    "anonymous": (("type", "anonymousId", "previousId"), anonymous_ids),
    "url": (_PAGE, _either(*_PAGE)),
    "referrer": (_FROM, _either(*_FROM)),
}
"""Column to the keys that it is made of, and how."""

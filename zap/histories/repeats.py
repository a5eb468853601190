"""Events that came in more than once, by their ids.

A client that hears no answer sends an event again. The first in total order stays, and
it was known from the first receipt of them all.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.events.coded import codes_of, decoded, encoded
from zap.histories.text_hash import Hashes, text_hashes

_FIRST_BITS = 20  # a table of which stays in the cache, and tells most hashes apart
_REST = np.uint64(64 - _FIRST_BITS)


def repeated_ids(ids: pa.Array) -> pa.Array:
    """Whole numbers in place of ids: equal ones for equal ids, null for the others.

    Hardly an id repeats, so ids are held against each other by a hash first, and only
    those that share it are looked at. An id that stands alone gets none.

    Args:
        ids: texts, maybe absent.

    Returns:
        int32, of the same length.
    """
    if ids.null_count == len(ids):
        return pa.nulls(len(ids), pa.int32())
    ids = decoded(ids)
    there = np.flatnonzero(ids.is_valid().to_numpy(zero_copy_only=False))
    hashes = text_hashes(ids)[there]
    ordered = np.sort(hashes)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    rows = there[_among(hashes, shared)]
    codes = np.full(len(ids), -1, np.int32)
    codes[rows] = codes_of(encoded(ids.take(pa.array(rows))))
    return pa.array(codes, mask=codes < 0)


def _among(hashes: Hashes, shared: Hashes) -> BoolArray:
    """Which hashes are among the few that are shared."""
    first = np.zeros(1 << _FIRST_BITS, bool)
    first[shared >> _REST] = True
    maybe = np.flatnonzero(first[hashes >> _REST])
    found = np.zeros(len(hashes), bool)
    found[maybe] = np.isin(hashes[maybe], shared)
    return found


def originals(table: pa.Table, offsets: IntArray) -> IntArray:
    """The place of the first event of the same subject and id; else its own."""
    ids = table.column("event_id")
    original = np.arange(len(ids))
    if ids.null_count == len(ids):
        return original
    codes = pc.fill_null(pc.dictionary_encode(ids).combine_chunks().indices, -1)
    places = codes.to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    given = np.flatnonzero(places >= 0)
    keys = rows[given] * (places.max() + 1) + places[given]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    original[given] = given[first[inverse]]
    return original


def with_first_receipts(
    table: pa.Table, original: IntArray, repeated: BoolArray
) -> pa.Table:
    """An event that came in several times was known from the first time on."""
    column = table.column("received_at")
    if not repeated.any() or column.null_count == len(column):
        return table
    missing = pc.is_null(column).to_numpy()
    latest = np.iinfo(np.int64).max
    filled = pc.fill_null(pc.cast(column, pa.int64()), pa.scalar(latest, pa.int64()))
    received = filled.to_numpy().copy()
    np.minimum.at(received, original[repeated], received[repeated])
    earliest = pa.array(received, mask=missing).cast(column.type)
    place = table.schema.get_field_index("received_at")
    return table.set_column(place, table.schema.field(place), earliest)

"""Events keyed by a shard of their subject, as compressed record batches.

What is shuffled are batches, not events: a batch is cut by shard, and each piece
becomes one compressed Arrow message. A shard arrives as many pieces, from any number of
readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from zap.encoding.columns import Int32Array
from zap.events.coded import codes_of, compacted, encoded, is_coded
from zap.histories.build import subject_hash

COMPRESSION = "zstd"
MOST_ROWS = 65_536
"""Rows of one piece: with the columns that are used, well under 8 MB."""


def key_by_shard(
    batch: pa.RecordBatch, subject: str, shards: int
) -> Iterator[tuple[int, bytes]]:
    """The batch cut by shard of the subject; rows without a subject are left out."""
    parts = _shards(batch.column(subject), shards)
    order = np.argsort(parts, kind="stable")
    starts = np.searchsorted(parts[order], np.arange(shards + 1))
    order = order[: starts[-1]]
    ordered = batch.take(pa.array(order))
    for shard, (start, end) in enumerate(pairwise(starts.tolist())):
        for first in range(start, end, MOST_ROWS):
            piece = ordered.slice(first, min(MOST_ROWS, end - first))
            yield shard, to_bytes(piece)


def _shards(column: pa.Array, shards: int) -> Int32Array:
    """The shard of each row, ``shards`` where it has no subject."""
    coded = compacted(encoded(column))
    places = [subject_hash(name) % shards for name in coded.dictionary.to_pylist()]
    return np.array([*places, shards], np.int32)[codes_of(coded)]


def to_bytes(batch: pa.RecordBatch) -> bytes:
    """The batch as a compressed Arrow stream, with no more texts than it needs."""
    columns = [
        compacted(column) if is_coded(column.type) else column
        for column in batch.columns
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=COMPRESSION)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def to_table(pieces: Iterable[bytes]) -> pa.Table:
    """The pieces of a shard as one table."""
    tables = [pa.ipc.open_stream(piece).read_all() for piece in pieces]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()

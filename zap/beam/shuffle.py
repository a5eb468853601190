"""Events keyed by a shard of their subject, as compressed record batches.

What is shuffled are batches, not events: a batch is cut by shard, and each piece
becomes one compressed Arrow message. A shard arrives as many pieces, from any number of
readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import IntArray
from zap.histories.build import subject_hash

COMPRESSION = "zstd"
MOST_ROWS = 65_536
"""Rows of one piece: with the columns that are used, well under 8 MB."""


def key_by_shard(
    batch: pa.RecordBatch, subject: str, shards: int
) -> Iterator[tuple[int, bytes]]:
    """The batch cut by shard of the subject; rows without a subject are left out."""
    present = batch.filter(pc.is_valid(batch.column(subject)))
    if not present.num_rows:
        return
    parts = _shards(present.column(subject), shards)
    order = np.argsort(parts, kind="stable")
    ordered = present.take(pa.array(order))
    found, starts = np.unique(parts[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    for shard, start, end in zip(found.tolist(), starts, ends, strict=True):
        for first in range(int(start), int(end), MOST_ROWS):
            piece = ordered.slice(first, min(MOST_ROWS, int(end) - first))
            yield shard, to_bytes(piece)


def _shards(column: pa.Array, shards: int) -> IntArray:
    codes = pc.dictionary_encode(column)
    places = [subject_hash(name) % shards for name in codes.dictionary.to_pylist()]
    return np.asarray(np.array(places, np.int64)[codes.indices.to_numpy()])


def to_bytes(batch: pa.RecordBatch) -> bytes:
    """The batch as a compressed Arrow stream."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=COMPRESSION)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def to_table(pieces: Iterable[bytes]) -> pa.Table:
    """The pieces of a shard as one table."""
    return pa.concat_tables(pa.ipc.open_stream(piece).read_all() for piece in pieces)

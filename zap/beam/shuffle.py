"""Events keyed by a shard of their subject, as compressed record batches.

What is shuffled are batches, not events: a batch is cut by shard, and each piece
becomes one compressed Arrow message. A shard arrives as many pieces, from any number of
readers. Where all workers are processes of one machine the pieces wait on its disk, so
that no process holds the events of all shards.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias, TypeVar

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from zap.beam.cutting import small_pieces
from zap.beam.outputs import count, error
from zap.datasets.writing import written
from zap.encoding.columns import Int32Array, IntArray
from zap.errors import ZapError
from zap.events.coded import codes_of, compacted, encoded, is_coded, whole
from zap.histories.heavy import HeavySubjects
from zap.histories.subjects import scrambled, subject_hashes

CODEC = "lz4_raw"
_HEADER = 8  # bytes of a piece's size before it was compressed
MOST_ROWS = 65_536
"""Rows of one piece: with the columns that are used, well under 8 MB."""

LIKELY_ROWS = 8_192
"""Rows that a piece should have: a small one costs more to write than it holds."""

FEW_ROWS = 4_096
"""Rows of a piece below which texts are found for all pieces at once."""

MOST_HELD = 1_048_576
"""Rows that are held back for that, whatever the number of shards."""


class KeyByShard(beam.DoFn):
    """Cuts batches by the shard of the subject, several batches at a time.

    Args:
        subject: the column of the subject.
        shards: number of shards.
        most: most events of a subject; further ones do not travel.
        spill: a folder that all workers share, for the pieces; then only their places
            are shuffled. None to shuffle the pieces themselves.
    """

    def __init__(self, subject: str, shards: int, most: int, spill: str | None = None):
        self._subject = subject
        self._shards = shards
        self._most = most
        self._spill = spill
        self._held: list[pa.RecordBatch] = []

    def start_bundle(self) -> None:
        """Nothing is held yet, and no subject is heavy.

        A bundle arrives whole or is done again, so what it passed on does arrive. Who
        counted beyond that would withhold rows for the sake of others that were lost.
        """
        self._held = []
        self._heavy = HeavySubjects(self._subject, self._most)

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        """Shards with their pieces, once there are rows enough.

        Beside them the rows that were withheld, by reason.
        """
        passed, withheld = self._heavy.pass_on(batch)
        if withheld:
            yield from count(withheld)
        self._held.append(passed)
        rows = sum(held.num_rows for held in self._held)
        if rows >= min(LIKELY_ROWS * self._shards, MOST_HELD):
            yield from self._cut()

    def finish_bundle(self) -> Iterator[Any]:
        """What is still held."""
        for found in self._cut():
            tagged = isinstance(found, TaggedOutput)
            value = found.value if tagged else found
            late = WindowedValue(value, MIN_TIMESTAMP, [GlobalWindow()])
            yield TaggedOutput(found.tag, late) if tagged else late

    def _cut(self) -> Iterator[Any]:
        if not self._held:
            return
        batch = one_batch(pa.Table.from_batches(self._held))
        self._held = []
        pieces = key_by_shard(batch, self._subject, self._shards)
        try:
            yield from pieces if self._spill is None else spilled(pieces, self._spill)
        except ZapError as problem:
            yield error(problem)


class Place(NamedTuple):
    """Where a piece lies on the disk that all workers share.

    Attributes:
        path: the file.
        offset: the piece's first byte.
        size: its bytes.
    """

    path: str
    offset: int
    size: int


Piece: TypeAlias = bytes | Place
Key = TypeVar("Key", int, str)


def spilled(
    pieces: Iterable[tuple[Key, bytes]], folder: str
) -> Iterator[tuple[Key, Place]]:
    """The pieces written into one new file of the folder, which must be there.

    A worker that outlives its job for a moment finds it gone, and does not bring back
    what the next run has cleared away.
    """
    path = f"{folder}/{uuid.uuid4().hex}"
    places = []
    try:
        with written(path) as file:
            for shard, piece in pieces:
                places.append((shard, Place(path, file.tell(), len(piece))))
                file.write(piece)
    except ZapError:
        # There must be room to say so.
        with contextlib.suppress(OSError):
            os.remove(path)
        raise
    yield from places


def bytes_of(piece: Piece) -> bytes:
    """The bytes of a piece, wherever they are."""
    if not isinstance(piece, Place):
        return piece
    with open(piece.path, "rb") as file:
        file.seek(piece.offset)
        return file.read(piece.size)


def key_by_shard(
    batch: pa.RecordBatch, subject: str, shards: int, again: int = 0
) -> Iterator[tuple[int, bytes]]:
    """The batch cut by shard of the subject; rows without a subject are left out.

    Args:
        batch: events.
        subject: the column of the subject.
        shards: number of shards.
        again: how many times these rows were cut before; each time by another hash.
    """
    parts = _shards(batch.column(subject), shards, again)
    order = np.argsort(parts, kind="stable")
    parts = parts[order]
    stop = int(np.searchsorted(parts, shards))
    ordered = batch.take(pa.array(order[:stop]))
    starts = _starts(parts[:stop])
    few = stop < FEW_ROWS * len(starts)
    pieces = small_pieces if few else _slices
    bounds = np.append(starts, stop)
    for shard, piece in zip(parts[starts], pieces(ordered, bounds), strict=True):
        yield int(shard), _to_bytes(piece) if few else to_bytes(piece)


def _starts(parts: Int32Array) -> IntArray:
    """Where pieces begin: at each shard, and within it every so many rows."""
    fresh = np.append(True, parts[1:] != parts[:-1])[: len(parts)]
    begins = np.flatnonzero(fresh)
    row = np.arange(len(parts)) - np.repeat(begins, np.diff([*begins, len(parts)]))
    return np.flatnonzero(row % MOST_ROWS == 0)


def _slices(batch: pa.RecordBatch, bounds: IntArray) -> Iterator[pa.RecordBatch]:
    for start, stop in pairwise(bounds.tolist()):
        yield batch.slice(start, stop - start)


def _shards(column: pa.Array, shards: int, again: int) -> Int32Array:
    """The shard of each row, ``shards`` where it has no subject."""
    coded = compacted(encoded(column))
    places = subject_hashes(coded.dictionary)
    if again:
        places = scrambled(places, np.full_like(places, again)).view(np.int64)
    places = places % shards
    return np.append(places, shards).astype(np.int32)[codes_of(coded)]


def to_bytes(batch: pa.RecordBatch) -> bytes:
    """The batch as a compressed Arrow stream, with no more texts than it needs."""
    columns = [
        compacted(column) if is_coded(column.type) else column
        for column in batch.columns
    ]
    return _to_bytes(pa.RecordBatch.from_arrays(columns, schema=batch.schema))


def _to_bytes(batch: pa.RecordBatch) -> bytes:
    """A batch as compressed bytes.

    It is compressed as one: Arrow's own way does so buffer by buffer, some twenty in a
    batch, which for a few hundred rows takes four times as long and gains less.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    plain = sink.getvalue()
    packed = pa.compress(plain, CODEC, asbytes=True)
    return bytes(plain.size.to_bytes(_HEADER, "little") + packed)


def to_table(pieces: Iterable[Piece]) -> pa.Table:
    """The pieces of a shard as one table."""
    return joined(batches_of(pieces))


def batches_of(pieces: Iterable[Piece]) -> Iterator[pa.RecordBatch]:
    """The batches of pieces, one after the other."""
    for piece in pieces:
        packed = memoryview(bytes_of(piece))
        size = int.from_bytes(packed[:_HEADER], "little")
        yield from pa.ipc.open_stream(pa.decompress(packed[_HEADER:], size, CODEC))


def joined(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Batches as one table, each column in one piece."""
    return pa.table(one_batch(pa.Table.from_batches(list(batches))))


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """A table in one piece, its codes into the same texts throughout."""
    columns = [whole(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)

"""A batch cut into many small pieces, whose texts are looked through once for all.

A job with thousands of shards cuts a batch into as many pieces of a few hundred rows.
To find the distinct texts of each on its own takes longer than all else that happens to
its events, so they are found for all pieces in one sort.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from zap.encoding.columns import IntArray
from zap.events.coded import codes_of, from_codes, is_coded


def small_pieces(batch: pa.RecordBatch, bounds: IntArray) -> Iterator[pa.RecordBatch]:
    """The rows between neighbouring bounds, each column with the texts it needs.

    Args:
        batch: columns of codes or plain ones.
        bounds: ascending row numbers, from 0 to the number of rows.
    """
    piece = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    columns = [
        _Coded(column, piece, len(bounds) - 1) if is_coded(column.type) else column
        for column in batch.columns
    ]
    for number, (start, stop) in enumerate(pairwise(bounds.tolist())):
        arrays = [
            column.piece(number, start, stop)
            if isinstance(column, _Coded)
            else column.slice(start, stop - start)
            for column in columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


class _Coded:
    """A column of codes whose every piece has texts of its own, side by side.

    Args:
        column: the codes.
        piece: int64, shape (rows,): the piece of each row, ascending.
        pieces: their number.
    """

    def __init__(self, column: pa.DictionaryArray, piece: IntArray, pieces: int):
        if column.dictionary.null_count:
            column = from_codes(codes_of(column), column.dictionary)
        width = len(column.dictionary) + 1
        keys = piece * width + codes_of(column) + 1  # the first of each is no value
        found, place = np.unique(keys, return_inverse=True)
        present = found % width > 0
        distinct = found[present]
        rank = np.cumsum(present) - 1
        self._starts = np.searchsorted(distinct, np.arange(pieces + 1) * width)
        codes = (rank[place] - self._starts[piece]).astype(np.int32)
        absent = ~present[place]
        self._codes = pa.array(codes, mask=absent if absent.any() else None)
        self._texts = column.dictionary.take(pa.array(distinct % width - 1))

    def piece(self, number: int, start: int, stop: int) -> pa.DictionaryArray:
        """The rows from ``start`` to ``stop``, which are those of a piece."""
        first, last = self._starts[number : number + 2].tolist()
        return pa.DictionaryArray.from_arrays(
            self._codes.slice(start, stop - start),
            self._texts.slice(first, last - first),
        )

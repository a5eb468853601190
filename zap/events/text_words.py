"""The bytes of many texts as columns of words, to hash them all at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import IntArray

WORD = 8


def by_length(texts: pa.Array) -> Iterator[tuple[IntArray, NDArray[np.uint64], int]]:
    """Texts of one length in bytes at a time.

    Args:
        texts: of type string; an absent one counts as an empty one.

    Yields:
        int64 places of the texts, shape (n,); their bytes as uint64, filled up with
        zeros, shape (words, n); and their length.
    """
    offsets, data = _buffers(texts)
    lengths = np.diff(offsets)
    for length in np.flatnonzero(np.bincount(lengths)) if len(lengths) else ():
        rows = np.flatnonzero(lengths == length)
        yield rows, _words(data, offsets, rows, int(length)), int(length)


def _buffers(texts: pa.Array) -> tuple[IntArray, NDArray[np.uint8]]:
    _, places, data = texts.buffers()
    first, stop = texts.offset, texts.offset + len(texts) + 1
    if places is None:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(places, np.int32)[first:stop].astype(np.int64)
    return offsets, np.frombuffer(data or b"", np.uint8)


def _words(
    data: NDArray[np.uint8], offsets: IntArray, rows: IntArray, length: int
) -> NDArray[np.uint64]:
    width = -(-length // WORD) * WORD
    filled = np.zeros((len(rows), width), np.uint8)
    if len(rows) == len(offsets) - 1:
        part = data[offsets[0] : offsets[-1]]
        filled[:, :length] = part.reshape(len(rows), length)
    else:
        places = offsets[rows][:, None] + np.arange(length)
        filled[:, :length] = data[places]
    return np.ascontiguousarray(filled.view("<u8").T).astype(np.uint64, copy=False)

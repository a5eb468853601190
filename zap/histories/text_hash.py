"""A hash of many texts at once, to find candidates for equality.

It never leaves a process and never decides anything alone: what shares a hash is
compared itself. So speed counts, and only that equal texts have equal hashes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import IntArray

Hashes = NDArray[np.uint64]

WORD = 8
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93], np.uint64)


def text_hashes(texts: pa.Array) -> Hashes:
    """A number for each text; equal texts have equal numbers.

    Texts of one length are hashed together, eight bytes at a time.

    Args:
        texts: of type string; an absent one counts as an empty one.

    Returns:
        uint64, shape (rows,).
    """
    offsets, data = _buffers(texts)
    lengths = np.diff(offsets)
    found = np.zeros(len(lengths), np.uint64)
    for length in np.flatnonzero(np.bincount(lengths)) if len(lengths) else ():
        rows = np.flatnonzero(lengths == length)
        found[rows] = _hashed(_words(data, offsets, rows, int(length)), int(length))
    return found


def _buffers(texts: pa.Array) -> tuple[IntArray, NDArray[np.uint8]]:
    _, places, data = texts.buffers()
    first, stop = texts.offset, texts.offset + len(texts) + 1
    offsets = np.frombuffer(places, np.int32)[first:stop].astype(np.int64)
    return offsets, np.frombuffer(data or b"", np.uint8)


def _words(
    data: NDArray[np.uint8], offsets: IntArray, rows: IntArray, length: int
) -> NDArray[np.uint64]:
    """The bytes of texts of one length, filled up with zeros; (words, rows)."""
    width = -(-length // WORD) * WORD
    filled = np.zeros((len(rows), width), np.uint8)
    if len(rows) == len(offsets) - 1:
        part = data[offsets[0] : offsets[-1]]
        filled[:, :length] = part.reshape(len(rows), length)
    else:
        places = offsets[rows][:, None] + np.arange(length)
        filled[:, :length] = data[places]
    return np.ascontiguousarray(filled.view(np.uint64).T)


def _hashed(words: NDArray[np.uint64], length: int) -> Hashes:
    found = np.full(words.shape[1], length + 1, np.uint64)
    for word in words:
        found ^= word
        for multiplier in _MULTIPLIERS:
            found *= multiplier
            found ^= found >> np.uint64(32)
    return found

"""A hash of many texts at once, to find candidates for equality.

It never leaves a process and never decides anything alone: what shares a hash is
compared itself. So speed counts, and only that equal texts have equal hashes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.events.text_words import by_length

Hashes = NDArray[np.uint64]

_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93], np.uint64)


def text_hashes(texts: pa.Array) -> Hashes:
    """A number for each text; equal texts have equal numbers.

    Args:
        texts: of type string; an absent one counts as an empty one.

    Returns:
        uint64, shape (rows,).
    """
    found = np.zeros(len(texts), np.uint64)
    for rows, words, length in by_length(texts):
        hashes = np.full(len(rows), length + 1, np.uint64)
        for word in words:
            hashes ^= word
            for multiplier in _MULTIPLIERS:
                hashes *= multiplier
                hashes ^= hashes >> np.uint64(32)
        found[rows] = hashes
    return found

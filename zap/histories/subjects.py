"""The hash that groups, orders and splits subjects: of one, and of many at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from zap.encoding.columns import IntArray
from zap.encoding.subject_names import SUBJECT_SEED as SUBJECT_SEED
from zap.encoding.subject_names import subject_hash as subject_hash
from zap.events.murmur import C1, Words, finished, murmurs


def subject_hashes(subjects: pa.Array) -> IntArray:
    """The same of many subjects.

    Args:
        subjects: of type string, none of them absent.

    Returns:
        int64, shape (subjects,).
    """
    return murmurs(subjects, SUBJECT_SEED)


def scrambled(*numbers: IntArray) -> Words:
    """A 64-bit hash of each row of whole numbers, to draw lots with.

    Args:
        numbers: int64 columns of one shape.

    Returns:
        uint64, of that shape.
    """
    lots = np.full(numbers[0].shape, SUBJECT_SEED, np.uint64)
    for column in numbers:
        lots = finished(lots * C1 + column.view(np.uint64))
    return lots

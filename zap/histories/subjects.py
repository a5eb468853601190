"""The hash that groups, orders and splits subjects: of one, and of many at once.

It is MurmurHash3 (x64, 128 bits), of which the first half counts. Many texts are hashed
as columns of words, all of one length together; ``mmh3`` hashes one text at a time, and
a text is what a million events have a hundred thousand of.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import IntArray
from zap.encoding.subject_names import SUBJECT_SEED as SUBJECT_SEED
from zap.encoding.subject_names import subject_hash as subject_hash
from zap.histories.text_words import WORD, by_length

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)

Words = NDArray[np.uint64]


def subject_hashes(subjects: pa.Array) -> IntArray:
    """The same of many subjects.

    Args:
        subjects: of type string, none of them absent.

    Returns:
        int64, shape (subjects,).
    """
    found = np.zeros(len(subjects), np.uint64)
    for rows, words, length in by_length(subjects):
        found[rows] = _hashed(words, length)
    return found.view(np.int64)


def scrambled(*numbers: IntArray) -> Words:
    """A 64-bit hash of each row of whole numbers, to draw lots with.

    Args:
        numbers: int64 columns of one shape.

    Returns:
        uint64, of that shape.
    """
    lots = np.full(numbers[0].shape, SUBJECT_SEED, np.uint64)
    for column in numbers:
        lots = _finished(lots * _C1 + column.view(np.uint64))
    return lots


def _hashed(words: Words, length: int) -> Words:
    """The first half of the hashes of texts of ``length`` bytes; (words, texts)."""
    one = np.full(words.shape[1], SUBJECT_SEED, np.uint64)
    two = one.copy()
    blocks = length // (2 * WORD)
    for first, second in zip(
        words[: 2 * blocks : 2], words[1 : 2 * blocks : 2], strict=True
    ):
        one ^= _turned(first * _C1, 31) * _C2
        one = (_turned(one, 27) + two) * np.uint64(5) + np.uint64(0x52DCE729)
        two ^= _turned(second * _C2, 33) * _C1
        two = (_turned(two, 31) + one) * np.uint64(5) + np.uint64(0x38495AB5)
    # What is left is filled up with zeros, which leave a hash as it is.
    for place, word in enumerate(words[2 * blocks :]):
        if place == 0:
            one ^= _turned(word * _C1, 31) * _C2
        else:
            two ^= _turned(word * _C2, 33) * _C1
    one, two = one ^ np.uint64(length), two ^ np.uint64(length)
    one = one + two
    two = two + one
    return _finished(one) + _finished(two)


def _turned(bits: Words, by: int) -> Words:
    return bits << np.uint64(by) | bits >> np.uint64(64 - by)


def _finished(bits: Words) -> Words:
    for multiplier in _MIX:
        bits = (bits ^ bits >> np.uint64(33)) * multiplier
    return bits ^ bits >> np.uint64(33)

"""MurmurHash3 (x64, 128 bits, of which the first half counts) of many texts at once.

Texts are hashed as columns of words, all of one length together; ``mmh3`` hashes one
text at a time, and a text is what a million events have a hundred thousand of. What is
made of these hashes is on disk and in the order of events, so they may not change.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import IntArray
from zap.events.text_words import WORD, by_length

C1, C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)

Words = NDArray[np.uint64]


def murmurs(texts: pa.Array, seed: int) -> IntArray:
    """The hash of each text, as ``mmh3.hash64(text, seed)[0]`` gives it.

    Args:
        texts: of type string, none of them absent.
        seed: of the hash.

    Returns:
        int64, shape (texts,).
    """
    found = np.zeros(len(texts), np.uint64)
    for rows, words, length in by_length(texts):
        found[rows] = _hashed(words, length, seed)
    return found.view(np.int64)


def _hashed(words: Words, length: int, seed: int) -> Words:
    """The first half of the hashes of texts of ``length`` bytes; (words, texts)."""
    one = np.full(words.shape[1], seed, np.uint64)
    two = one.copy()
    blocks = length // (2 * WORD)
    for first, second in zip(
        words[: 2 * blocks : 2], words[1 : 2 * blocks : 2], strict=True
    ):
        one ^= _turned(first * C1, 31) * C2
        one = (_turned(one, 27) + two) * np.uint64(5) + np.uint64(0x52DCE729)
        two ^= _turned(second * C2, 33) * C1
        two = (_turned(two, 31) + one) * np.uint64(5) + np.uint64(0x38495AB5)
    # What is left is filled up with zeros, which leave a hash as it is.
    for place, word in enumerate(words[2 * blocks :]):
        if place == 0:
            one ^= _turned(word * C1, 31) * C2
        else:
            two ^= _turned(word * C2, 33) * C1
    one, two = one ^ np.uint64(length), two ^ np.uint64(length)
    one = one + two
    two = two + one
    return finished(one) + finished(two)


def _turned(bits: Words, by: int) -> Words:
    return bits << np.uint64(by) | bits >> np.uint64(64 - by)


def finished(bits: Words) -> Words:
    """Murmur's last step, in which each bit comes to depend on every other."""
    for multiplier in _MIX:
        bits = (bits ^ bits >> np.uint64(33)) * multiplier
    return bits ^ bits >> np.uint64(33)

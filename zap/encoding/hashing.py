"""Hash buckets: strings become places in a vector of fixed length.

No vocabulary has to be kept or agreed on: batch and serving hash alike, and a new page
falls somewhere without a new model (paper, section 2.3, algorithm 1). Changing the
text form, the seed or the hash moves every bucket, so that no bundle made before fits
any more; golden files hold them still.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import mmh3
import numpy as np

from zap.errors import EncodingError

HASH_SEED = 5_914_960  # the letters ZAP as a number; any literal would do

_LONGEST_WHOLE = 1e16  # from here on repr() writes an exponent


def canonical_text(value: Any) -> str:
    """The one text form of a value, whatever type its column had.

    Args:
        value: a str, bool or real number. Numbers are read as float64 first, as they
            are in columns, so that whole ones beyond 2**53 agree too.

    Returns:
        ``true`` or ``false``, whole numbers without a point, other numbers as Python
        writes them, text as it is.

    Raises:
        EncodingError: the value is of another type.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, numbers.Real):
        number = as_float(value)
        whole = number.is_integer() and abs(number) < _LONGEST_WHOLE
        return str(int(number)) if whole else repr(number)
    raise EncodingError(
        "A value to encode must be text, a number or a boolean. "
        f"Received: value={value!r} of type {type(value).__name__}. "
        "Map the column to one of these types."
    )


def as_float(number: Any) -> float:
    """``number`` as a float; infinite where no float is large enough."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def bucket(field: str, text: str, buckets: int, seed: int = HASH_SEED) -> int:
    """The place of ``field=text`` among ``buckets`` places.

    Lone surrogates are hashed by their own bytes rather than refused: a server must
    not fail on a broken user agent.
    """
    key = f"{field}={text}".encode("utf-8", "surrogatepass")
    return mmh3.hash(key, seed, signed=False) % buckets


def hashes_of(
    field: str, groups: Sequence[Sequence[str]], seed: int = HASH_SEED
) -> list[int]:
    """The hashes of all texts of some groups, of one field; see ``bucket``.

    One expression, since calls into Python cost more than a hash, and as bytes, since a
    lone surrogate ends the process in mmh3 itself. (Murmur's steps on whole columns in
    numpy are no quicker: gathering the words of texts takes as long.)
    """
    start, function = f"{field}=", mmh3.hash
    try:
        return [
            function((start + text).encode(), seed, False)
            for group in groups
            for text in group
        ]
    except UnicodeEncodeError:  # naming another error handler makes each text dearer
        return [
            function((start + text).encode("utf-8", "surrogatepass"), seed, False)
            for group in groups
            for text in group
        ]


def expected_sparsity(strings: int, buckets: int) -> float:
    """Expected share of empty places after ``strings`` distinct strings."""
    return float((1 - 1 / buckets) ** strings)


def expected_collisions(strings: int, buckets: int) -> float:
    """Expected share of ``strings`` distinct strings lost to an occupied bucket.

    At 10 % collisions about 80 % of the places are empty, the paper's two figures;
    both belong to a load of 0.22 strings a bucket.
    """
    if not strings:
        return 0.0
    occupied = buckets * (1 - expected_sparsity(strings, buckets))
    return 1 - occupied / strings

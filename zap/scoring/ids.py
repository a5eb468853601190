"""Names of predictions that follow from what they are about.

They have the form of the names that a server draws (``zap.serving.prediction_ids``):
the instant in milliseconds, then 80 bits. Here the 80 bits are a hash, so that whoever
scores a subject again at the same instant with the same version writes the same name,
and a row that comes twice is known to be one. Another hash would give every prediction
a second name: do not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import IntArray
from zap.serving.prediction_ids import DIGITS, LENGTH

_DIGITS = np.frombuffer(DIGITS.encode(), np.uint8)
_HASHED_BYTES, _DIGIT_BITS, _WORD_BITS = 10, 5, 64


def prediction_ids(
    application: str, version: str, subjects: Sequence[str], at_us: IntArray
) -> pa.StringArray:
    """A name for each prediction.

    Args:
        application: whose model predicts.
        version: of the model.
        subjects: whom each is about.
        at_us: int64, shape (n,): the instant of each, microseconds since 1970.

    Returns:
        26 digits each: equal for equal arguments, sorted by time.
    """
    starts = {
        at: f"{application}\0{version}\0{at}\0".encode()
        for at in np.unique(at_us).tolist()
    }
    hashed = b"".join(
        blake2b(
            starts[at] + subject.encode("utf-8", "surrogatepass"),
            digest_size=_HASHED_BYTES,
        ).digest()
        for subject, at in zip(subjects, at_us.tolist(), strict=True)
    )
    numbers = np.zeros((len(subjects), 2 * _WORD_BITS // 8), np.uint8)
    milliseconds = np.maximum(at_us // 1000, 0).astype(">u8").view(np.uint8)
    numbers[:, :-_HASHED_BYTES] = milliseconds.reshape(-1, 8)[:, 2:]
    numbers[:, -_HASHED_BYTES:] = np.frombuffer(hashed, np.uint8).reshape(
        -1, _HASHED_BYTES
    )
    high, low = numbers.view(">u8").astype(np.uint64).T
    return _texts(high, low)


def _texts(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> pa.StringArray:
    """Numbers of 128 bits in base 32, the highest digit first."""
    digits = np.empty((len(low), LENGTH), np.uint8)
    for place in range(LENGTH):
        shift = _DIGIT_BITS * place
        if shift < _WORD_BITS:
            bits = low >> np.uint64(shift)
            if shift + _DIGIT_BITS > _WORD_BITS:
                bits |= high << np.uint64(_WORD_BITS - shift)
        else:
            bits = high >> np.uint64(shift - _WORD_BITS)
        digits[:, LENGTH - 1 - place] = _DIGITS[bits & np.uint64(31)]
    ends = np.arange(len(low) + 1, dtype=np.int32) * LENGTH
    return pa.StringArray.from_buffers(
        len(low), pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(digits))
    )

"""Names of predictions that follow from what they are about.

They have the form of the names that a server draws (``zap.serving.prediction_ids``):
the instant in milliseconds, then 80 bits. Here the 80 bits are a hash, so that whoever
scores a subject again at the same instant with the same version writes the same name,
and a row that comes twice is known to be one. Another hash would give every prediction
a second name: do not change it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from zap.encoding.columns import IntArray
from zap.serving.prediction_ids import DIGITS, LENGTH

_BITS = 5 * LENGTH
_DIGITS = np.frombuffer(DIGITS.encode(), np.uint8)
_WORTH = np.array([16, 8, 4, 2, 1], np.uint8)


def prediction_ids(
    application: str, version: str, subjects: Sequence[str], at_us: IntArray
) -> list[str]:
    """A name for each prediction.

    Args:
        application: whose model predicts.
        version: of the model.
        subjects: whom each is about.
        at_us: int64, shape (n,): the instant of each, microseconds since 1970.

    Returns:
        26 digits each: equal for equal arguments, sorted by time.
    """
    if not len(subjects):
        return []
    start = hashlib.blake2b(f"{application}\0{version}\0".encode(), digest_size=10)
    drawn = []
    for subject, at in zip(subjects, at_us.tolist(), strict=True):
        hashed = start.copy()
        hashed.update(f"{at}\0{subject}".encode("utf-8", "surrogatepass"))
        drawn.append(hashed.digest())
    milliseconds = np.maximum(at_us // 1000, 0).astype(">u8")
    numbers = np.empty((len(subjects), 16), np.uint8)
    numbers[:, :6] = milliseconds.view(np.uint8).reshape(-1, 8)[:, 2:]
    numbers[:, 6:] = np.frombuffer(b"".join(drawn), np.uint8).reshape(-1, 10)
    return _texts(numbers)


def _texts(numbers: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> list[str]:
    """Rows of 16 bytes, the highest first, in base 32."""
    bits = np.zeros((len(numbers), _BITS), np.uint8)
    bits[:, _BITS - 128 :] = np.unpackbits(numbers, axis=1)
    digits = bits.reshape(len(numbers), LENGTH, 5) @ _WORTH
    texts = np.ascontiguousarray(_DIGITS[digits]).view(f"S{LENGTH}").ravel()
    return [text.decode() for text in texts.tolist()]

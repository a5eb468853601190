"""Names of predictions: unique, and in the order of time when sorted as texts.

26 letters and digits: 48 bits of milliseconds since 1970, then 80 random bits, in
Crockford's base 32 (which has no I, L, O and U). So an id can be read aloud, says when
the prediction was made, and no two servers have to agree on anything. Logs are searched
by the time in an id: another form would make old entries unfindable.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
_RANDOM = 16
_DRAWN_AT_ONCE = 256  # asking the system takes longer than all the rest of an id
_POOL: list[str] = []
_DIGIT_OF_BYTE = (DIGITS * 8).encode()
_FORM = re.compile(f"[0-7][{DIGITS}]{{{LENGTH - 1}}}")


os.register_at_fork(after_in_child=_POOL.clear)  # or two processes give equal ids


def prediction_id(time_us: int) -> str:
    """A new id.

    Args:
        time_us: when the prediction is made, in microseconds since 1970.
    """
    milliseconds = max(0, time_us // 1000) & ((1 << 48) - 1)
    try:
        drawn = _POOL.pop()  # one step: no two threads take the same digits
    except IndexError:
        many = os.urandom(_RANDOM * _DRAWN_AT_ONCE).translate(_DIGIT_OF_BYTE).decode()
        starts = range(0, len(many), _RANDOM)
        drawn, *rest = (many[start : start + _RANDOM] for start in starts)
        _POOL.extend(rest)
    return _moment(milliseconds) + drawn


@lru_cache(16)
def _moment(milliseconds: int) -> str:
    """The first ten digits; a group of requests has them from one millisecond."""
    return "".join([DIGITS[milliseconds >> shift & 31] for shift in range(45, -1, -5)])


def is_prediction_id(text: str) -> bool:
    """Whether a text has the form of an id."""
    return _FORM.fullmatch(text) is not None


def time_us_of(prediction: str) -> int:
    """The time in an id, to the millisecond, in microseconds since 1970."""
    number = 0
    for digit in prediction[:10]:
        number = number << 5 | DIGITS.index(digit)
    return number * 1000

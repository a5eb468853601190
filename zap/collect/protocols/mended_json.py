"""JSON as widespread clients write it, also where it is none, a little mended.

One such text would cost a whole batch, whose other events are sound.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_LONE_BYTES = len(rb"\ud800")
_MOST_DIGITS = 20  # with a sign, of numbers that 64 bits hold


def loads(text: bytes | memoryview | str) -> Any:
    r"""What a text says.

    JavaScript counts an emoji as two characters, and writes the half that a cut leaves
    as an escape such as ``\ud83d``; it is marked as unknown. Python writes NaN and
    Infinity, which become null.

    Raises:
        ValueError: it is no JSON.

    Example:
        >>> loads(rb'["cut \ud83d", "whole \ud83d\ude00", NaN]')
        ['cut �', 'whole 😀', None]
    """
    try:
        return orjson.loads(text)
    except ValueError:
        raw = text.encode() if isinstance(text, str) else bytes(text)
        mended = _ESCAPES.sub(_mend, raw).decode()
    try:
        return json.loads(
            mended, parse_constant=_none, parse_int=_whole, parse_float=_finite
        )
    except RecursionError as error:
        raise ValueError("JSON of too many levels") from error


def _none(constant: str) -> None:
    return None


def _whole(digits: str) -> int | float | None:
    """A number as 64 bits hold it, as in JSON that needs no mending."""
    if len(digits) <= _MOST_DIGITS and -(1 << 63) <= int(digits) < 1 << 64:
        return int(digits)
    return _finite(digits)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _mend(found: re.Match[bytes]) -> bytes:
    escape = found[0]
    return rb"\ufffd" if len(escape) == _LONE_BYTES else escape

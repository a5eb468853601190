"""JSON that clients send, read with a bound on how deep it nests.

Trackers put JSON into texts inside JSON, so a limit on the body's own nesting does not
see it: whoever reads such a text reads it here. Later stages walk events by recursion,
which the bound makes safe.
"""

from __future__ import annotations

from typing import Any

from zap.collect.nesting import openings
from zap.collect.protocols.mended_json import loads

MAX_DEPTH = 32
"""Objects and lists inside each other, in one event."""

BODY_DEPTH = 128
"""The same in a whole body: what is deeper than an event may be can still be kept."""


class BadJsonError(ValueError):
    """A text that is no JSON."""


class DeepJsonError(ValueError):
    """JSON that nests too deep."""


def read_json(text: bytes | str, max_depth: int = MAX_DEPTH) -> Any:
    """What a text says, a little mended where clients are known to fail.

    Raises:
        BadJsonError: it is no JSON, and can't be mended.
        DeepJsonError: it nests deeper than ``max_depth``.
    """
    try:
        value = loads(text)
    except ValueError as error:
        raise BadJsonError(f"Expected JSON. Received: {error}.") from error
    raw = text.encode() if isinstance(text, str) else text
    if openings(raw) > max_depth:  # else it can't be so deep
        check_depth(value, max_depth)
    return value


def check_depth(value: Any, max_depth: int = MAX_DEPTH) -> None:
    """See that a value nests at most so deep.

    Raises:
        DeepJsonError: it nests deeper.
    """
    level = [value]
    for _ in range(max_depth):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise DeepJsonError(f"Expected JSON nested at most {max_depth} deep.")

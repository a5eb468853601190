"""JSON as browsers make it, where a text may hold half a character.

JavaScript cuts texts between the two halves of an emoji, and writes the half that is
left as an escape such as ``\\ud83d``. No UTF-8 can hold that, so strict parsers refuse
the whole body, and with it events that are whole. Here such a half becomes U+FFFD, as
a browser's own encoder would make of it.
"""

from __future__ import annotations

import json
from typing import Any

from zap.collect.protocols.bounded_json import (
    MAX_DEPTH,
    BadJsonError,
    DeepJsonError,
    read_json,
)


def read_browser_json(text: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """What a text says, with U+FFFD for each half of a character.

    Raises:
        BadJsonError: it is no JSON by RFC 8259, or has numbers out of bounds.
        DeepJsonError: it nests deeper than ``max_depth``.

    >>> read_browser_json(rb'["whole", "\\ud83d"]')
    ['whole', '\\ufffd']
    """
    try:
        return read_json(text, max_depth)
    except BadJsonError:
        if rb"\ud" not in text and rb"\uD" not in text:
            raise
        return read_json(_mended(text), max_depth)


def _mended(text: bytes) -> str:
    """The same JSON without halves of characters."""
    try:
        again = json.dumps(json.loads(text), ensure_ascii=False)
    except RecursionError as error:
        raise DeepJsonError("Expected JSON that nests less deep.") from error
    except ValueError as error:
        raise BadJsonError(f"Expected JSON. Received: {error}.") from error
    halves = again.encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")

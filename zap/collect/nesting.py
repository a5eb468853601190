"""How deep a JSON text is, at a nanosecond or two a byte.

Whoever walks through an event later may call itself for each level, so depth is bounded
before an event is written. It is found on the text, by operations on whole bytes: all
but brackets and quotes is deleted, strings are cut out, and then the innermost pairs
are taken away level by level.
"""

from __future__ import annotations

EVENT_LEVELS = 32
"""Of one event. Its deepest usual part is two or three levels down."""
_KEPT = b'[]{}"'
_DELETED = bytes(set(range(256)) - set(_KEPT))
_ONE_KIND = bytes.maketrans(b"[]", b"{}")


def openings(text: bytes) -> int:
    """How many brackets a text opens, those in strings too: it nests no deeper.

    Deleting is done by searches that skip ahead, where ``count`` looks at each byte; it
    takes a fifth of the time.

    >>> openings(b'{"a": [{"b": "[[["}]}')
    6
    """
    others = len(text.replace(b"{", b"")) + len(text.replace(b"[", b""))
    return 2 * len(text) - others


def too_deep(text: bytes, most: int = EVENT_LEVELS) -> bool:
    """Whether objects and lists are nested deeper than may be.

    A text that is no JSON may be called either; its parser will refuse it.

    Args:
        text: JSON.
        most: levels.

    >>> too_deep(b'{"a": [{"b": "[[["}]}', 3)
    False
    >>> too_deep(b'{"a": [{"b": []}]}', 3)
    True
    """
    if openings(text) <= most:
        return False
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = text.translate(_ONE_KIND, _DELETED).replace(b'""', b"")
    if b'"' in left:  # strings that hold brackets: every second piece is inside
        left = b"".join(left.split(b'"')[::2])
    for _ in range(most):
        if not left:
            return False
        left = left.replace(b"{}", b"")
    return bool(left)

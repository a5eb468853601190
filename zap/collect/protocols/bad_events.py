"""How a reader says that something sent is no event, and why.

The details are kept beside the payload, and privacy rules know the payload only; so of
what was received they tell a short text or number, and of all else its kind.
"""

from __future__ import annotations

from zap.collect.event import BadRow

_KINDS: dict[type, str] = {dict: "an object", list: "a list"}
_MOST = 60


class BadEventError(ValueError):
    """Something sent is no event.

    Args:
        reason: a stable name, such as ``snowplow.time``.
        detail: what was expected and what was received.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def row(self, payload: object) -> BadRow:
        """The bad row of what was sent."""
        return BadRow(self.reason, self.detail, payload)


def bad_event(reason: str, expected: str, received: object) -> BadEventError:
    """The error for an event of which something else was expected."""
    text = repr(received)
    for kind, name in _KINDS.items():
        text = name if isinstance(received, kind) else text
    text = text if len(text) <= _MOST else text[:_MOST] + "..."
    return BadEventError(reason, f"Expected {expected}. Received: {text}.")

"""When a client may try again."""

from __future__ import annotations

import math

from zap.collect.protocol import Header, Unaccepted


def retry_after(why: Unaccepted) -> list[Header]:
    """The header Retry-After in whole seconds, where there is a time to tell."""
    if why.retry_after_s <= 0:
        return []
    return [(b"retry-after", str(math.ceil(why.retry_after_s)).encode())]

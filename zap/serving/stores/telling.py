"""Telling what Redis answered: one answer a turn of the event loop.

Whoever is told an answer makes predictions of it there and then. So of answers that
came together each has a turn of its own, and between two the loop does all else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from redis.exceptions import RedisError

Found: TypeAlias = "list[bytes | None] | RedisError"
Then = Callable[[Found], None]
LOG = logging.getLogger("zap.serving.stores")


class Telling:
    """Answers that are still to be told."""

    def __init__(self) -> None:
        self._answers: deque[tuple[Then, Found]] = deque()
        self._due = False

    def add(self, then: Then, found: Found) -> None:
        """Have somebody told, by `go_on` or in a later turn."""
        self._answers.append((then, found))

    def go_on(self) -> None:
        """Tell one answer, unless there was one in this turn."""
        if not self._due:
            self._next(asyncio.get_running_loop())

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = bool(self._answers)
        if self._due:
            # Also after the last: large answers are heard one by one, but in one turn.
            loop.call_soon(self._next, loop)
            tell(*self._answers.popleft())


def tell(then: Then, found: Found) -> None:
    """What came of a question; whatever that leads to, others are told theirs."""
    try:
        then(found)
    except Exception:
        LOG.exception("What Redis answered could not be worked on.")

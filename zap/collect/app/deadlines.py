"""Time-outs for many short waits: looked at some times a second, not one timer each.

Nearly all bodies are there when they are asked for, and a timer would cost more than
reading them. Here a task enters and leaves a table; whoever is in it too long is
cancelled within a quarter of a second.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

LOOK_EVERY_S = 0.25


class Deadlines:
    """Bounds how long tasks of one event loop stay inside ``async with``.

    One task at a time may be inside once.

    Args:
        timeout_s: how long.
    """

    def __init__(self, timeout_s: float):
        self.timeout_s = timeout_s
        self._entered: dict[asyncio.Task[object], float] = {}  # the oldest first
        self._late: set[asyncio.Task[object]] = set()
        self._looking = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._entered[task] = loop.time()
        if not self._looking:
            self._looking = True
            loop.call_later(self._every_s, self._look, loop)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._entered.pop(task, None)
        if task in self._late:
            self._late.remove(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    @property
    def _every_s(self) -> float:
        return min(LOOK_EVERY_S, self.timeout_s)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        since = loop.time() - self.timeout_s
        for task in [task for task, at in self._entered.items() if at <= since]:
            del self._entered[task]
            self._late.add(task)
            task.cancel()
        self._looking = bool(self._entered)
        if self._looking:
            loop.call_later(self._every_s, self._look, loop)

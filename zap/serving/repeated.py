"""Something that a server does again and again, beside its requests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zap.errors import ZapError


class Repeated:
    """Calls something in a thread of its own, until it is stopped.

    Args:
        name: of the thread.
        call: what is called; an error of Zap's is left to the next call.
        every_s: the pause between calls.

    Attributes:
        failures: how often it raised.
    """

    def __init__(self, name: str, call: Callable[[], object], every_s: float):
        self._call, self._every_s = call, every_s
        self._end = threading.Event()
        self.failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is made now."""
        self._end.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            try:
                self._call()
            except ZapError:
                self.failures += 1  # the store does not answer now

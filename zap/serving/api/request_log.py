"""One line of JSON for each request, without anything of a person.

A line has the request's id, route, status, milliseconds, application and version, and
for a defect its traceback; never a subject, an event, a key or a path. Lines are
written by a thread of their own, so that a slow terminal or a full pipe holds no
request; beyond a bound they are counted and left out.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO, Any

import msgspec

_encode = msgspec.json.Encoder().encode


class RequestLog:
    """Writes lines to a stream. Any thread may add.

    Args:
        stream: of bytes; None writes nothing.
        most: lines that may wait to be written.
        every_s: how long lines are gathered.

    Attributes:
        lost: lines that were left out.
        told: called with each line, whether or not lines are written.
    """

    def __init__(
        self, stream: IO[bytes] | None, most: int = 10_000, every_s: float = 0.2
    ):
        self._stream, self._most, self._every_s = stream, most, every_s
        self._lines: deque[dict[str, Any]] = deque()
        self._end = threading.Event()
        self.lost = 0
        self.told: Callable[[Mapping[str, Any]], None] = lambda line: None
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)
        if stream is not None:
            self._thread.start()

    def add(self, line: dict[str, Any]) -> None:
        """Have a line written soon."""
        self.told(line)
        if self._stream is None:
            return
        if len(self._lines) >= self._most:
            self.lost += 1
            return
        self._lines.append(line)

    def close(self) -> None:
        """Write what waits, within a second."""
        self._end.set()
        if self._stream is not None:
            self._thread.join(1)

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            self._write()
        self._write()

    def _write(self) -> None:
        waiting = [self._lines.popleft() for _ in range(len(self._lines))]
        if not waiting or self._stream is None:
            return
        try:
            self._stream.write(b"".join(_encode(line) + b"\n" for line in waiting))
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += len(waiting)

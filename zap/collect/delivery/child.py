"""The delivery as a child process: started again when it dies, gone with its parent.

The child holds the other end of a pipe as its standard input. When the parent ends,
however that happens, the pipe ends too, and the child stops; nothing has to be polled,
and no process is left that writes to an archive which another one has taken over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

FOLLOW_STDIN = "--until-stdin-ends"
"""What makes ``zap collect deliver`` end with the process that started it."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
_LONG_ENOUGH_S = 60.0


def deliver_command(path: str, given: Mapping[str, str | None]) -> list[str]:
    """What delivers a spool as a child of this process.

    Args:
        path: of the collector's settings.
        given: places that the command line named, by option; not those of the settings,
            since an address may hold a password and others may see these words.
    """
    zap = [sys.executable, "-m", "zap.cli.main", "collect", "deliver"]
    places = [f"--{name}={place}" for name, place in given.items() if place is not None]
    return [*zap, "--config", path, *places, FOLLOW_STDIN]


@contextmanager
def child_beside(
    command: Sequence[str] | None, patience_s: float, told: Callable[[str], None]
) -> Iterator[None]:
    """Keep a delivery running while a block runs.

    Args:
        command: starts it; None starts none.
        patience_s: how long it may take to end.
        told: is given a line when it has died.
    """
    if command is None:
        yield
        return
    child = Child(command, told)
    child.start()
    try:
        yield
    finally:
        child.stop(patience_s)


class Child:
    """A process that is kept running. Loads nothing of what the process needs.

    Args:
        command: starts it.
        told: is given a line when it has died.
        first_pause_s: before it is started again; doubled each time, up to half a
            minute, until it has run for a minute.
    """

    def __init__(
        self,
        command: Sequence[str],
        told: Callable[[str], None] = lambda line: None,
        first_pause_s: float = FIRST_PAUSE_S,
    ):
        self._command, self._told = list(command), told
        self._first_pause_s = first_pause_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="delivery-child")
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process that runs at present."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def start(self) -> None:
        """Start it, and watch over it.

        Raises:
            OSError: there is no such program.
        """
        self._begin()
        self._thread.start()

    def stop(self, patience_s: float) -> int | None:
        """Ask it to end; it is killed if it does not. Its exit code, if it ran.

        Args:
            patience_s: how long it may take: longer than it drains.
        """
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join()
        return None if process is None else process.wait()

    def _begin(self) -> None:
        with self._lock:
            if not self._stop.is_set():
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)

    def _watch(self) -> None:
        pause_s = self._first_pause_s
        while True:
            ended = self._ended()
            if ended is None:
                return
            why, lived_s = ended
            if lived_s > _LONG_ENOUGH_S:
                pause_s = self._first_pause_s
            self._told(f"the delivery {why}; it is started again in {pause_s:g} s")
            if self._stop.wait(pause_s):
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self.restarts += 1

    def _ended(self) -> tuple[str, float] | None:
        """How the process ended, and after how long; None where it was asked to."""
        began = time.monotonic()
        try:
            if self._process is None:
                self._begin()
        except OSError as error:  # no memory for another process, for example
            return f"could not be started ({error.strerror})", 0.0
        process = self._process
        if process is None:
            return None
        code = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        if self._stop.is_set():
            return None
        with self._lock:
            self._process = None
        return f"ended with {code}", time.monotonic() - began


def when_stdin_ends(then: Callable[[], None]) -> None:
    """Call a function once the parent has gone; in a thread of its own."""

    def wait() -> None:
        with suppress(OSError):  # not sys.stdin: its lock is in the way of an exit
            while os.read(0, 4096):
                pass
        then()

    threading.Thread(target=wait, name="parent", daemon=True).start()

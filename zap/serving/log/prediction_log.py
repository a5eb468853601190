"""The log as a server uses it: many threads append, one writes.

A request hands over its line and waits until the system has it, or until its time is
up: however slow the disk, no request waits longer. What waits is written as one group,
so that many requests cost little more than one.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from zap.bundles.names import checked_application
from zap.errors import LogError
from zap.serving.log.entry import Logged, line_of
from zap.serving.log.files import files_of, folders_of, repair
from zap.serving.log.options import LogCounts, LogOptions
from zap.serving.log.writer import Writer

GROUP_LINES = 1_000
PROBE_BYTES = 4_096


class _Waiting:
    """A line on its way, and the request that waits for it.

    ``done`` is a plain lock, taken at once and given back by the writer: an Event
    costs three times as much.
    """

    __slots__ = ("abandoned", "application", "done", "line", "problem", "time")

    def __init__(self, entry: Logged):
        self.application = entry.application
        self.time = entry.time
        self.line = line_of(entry)
        self.done = threading.Lock()
        self.done.acquire()
        self.problem: str | None = None
        self.abandoned = False


class PredictionLog:
    """A log of predictions in a folder. May be used from several threads.

    Several processes may write to one folder, each through its own object. A process
    that forks opens its log after that.

    Args:
        folder: of the log; made where it is not.
        options: limits, and what to do where it can't be written.

    Attributes:
        failing: why the last group could not be written; None while all is well.

    Raises:
        LogError: the folder can't be made or looked through.

    Example:
        In a server::

            log = PredictionLog("predictions", LogOptions(wait_ms=50))
            log.append(entry)  # returns when the line is written
    """

    def __init__(self, folder: str | Path, options: LogOptions | None = None):
        self.folder = Path(folder)
        self.options = options or LogOptions()
        self.failing: str | None = None
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._writers: dict[str, Writer] = {}
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._repair()
        self._thread = threading.Thread(
            target=self._run, name="prediction log", daemon=True
        )
        self._thread.start()

    def append(self, entry: Logged) -> None:
        """Write an entry; when this returns, the end of the process can't lose it.

        With ``on_failure="go_on"`` it also returns where the entry could not be written
        in time; it is then written later, or counted as lost.

        Raises:
            LogError: ``on_failure="refuse"`` and the entry could not be written in
                time, which may still be found in the log; or it can't be an entry; or
                the log is closed.
        """
        if entry.application not in self._writers:
            checked_application(entry.application)
        waiting = _Waiting(entry)
        if self._closed:
            raise LogError(
                "Expected an open log. Received: an entry after close(). Append before."
            )
        if self._queue.qsize() >= self.options.queue:
            self._failed(f"{self.options.queue:,} entries wait already")
            return
        self._queue.put(waiting)
        if not waiting.done.acquire(timeout=self.options.wait_ms / 1000):
            if self.options.on_failure == "go_on":
                return  # it stays in the queue
            waiting.abandoned = True
            self._failed(f"it was not written within {self.options.wait_ms} ms")
        elif waiting.problem is not None and self.options.on_failure == "refuse":
            raise self._error(waiting.problem)

    def _failed(self, why: str) -> None:
        """Count an entry that the writer will not; an error if that is asked for."""
        refuses = self.options.on_failure == "refuse"
        self._count("refused" if refuses else "lost", 1)
        if refuses:
            raise self._error(why)

    def _error(self, why: str) -> LogError:
        return LogError(
            f"Expected to write an entry to the log. Received: folder={self.folder} "
            f"({why}). Free space there or wait; with on_failure='go_on' predictions "
            "are answered without it, and counted."
        )

    @property
    def counts(self) -> LogCounts:
        """What became of the entries so far."""
        with self._counting:
            return LogCounts(**self._counts)

    def check(self) -> None:
        """Try whether there is room again after a failure; for a test of readiness.

        Raises:
            LogError: the log can't be written.
        """
        if self.failing is None:
            return
        probe = self.folder / f".probe-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(bytes(PROBE_BYTES))
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error
        finally:
            probe.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what waits, and end. May be called again."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _count(self, name: str, number: int) -> None:
        with self._counting:
            self._counts[name] += number

    def _repair(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in folders_of(self.folder):
                for path in files_of(folder):
                    self._count("repaired", repair(path))
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def _run(self) -> None:
        """The writer's thread."""
        ended = False
        while not ended:
            group = [self._queue.get()]
            try:
                while len(group) < GROUP_LINES:
                    group.append(self._queue.get_nowait())
            except Empty:
                pass
            ended = None in group
            lines = [each for each in group if each is not None and not each.abandoned]
            for name in dict.fromkeys(each.application for each in lines):
                self._write(name, [each for each in lines if each.application == name])
        for writer in self._writers.values():
            writer.close()

    def _write(self, application: str, lines: Sequence[_Waiting]) -> None:
        """Write the lines of one application, and tell those who wait."""
        writer = self._writers.get(application)
        if writer is None:
            writer = Writer(self.folder / application, self.options)
            self._writers[application] = writer
        written, problem = 0, None
        try:
            written = writer.write([e.line for e in lines], [e.time for e in lines])
            if written < len(lines):
                problem = "there is no more room"
        except Exception as error:  # the thread must outlive whatever one group meets
            problem = getattr(error, "strerror", None) or repr(error)
        self._count("written", written)
        refuses = self.options.on_failure == "refuse"
        self._count("refused" if refuses else "lost", len(lines) - written)
        self.failing = problem
        for number, each in enumerate(lines):
            each.problem = problem if number >= written else None
            each.done.release()

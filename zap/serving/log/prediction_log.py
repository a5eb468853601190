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

GROUP = 1_000
PROBE_BYTES = 4_096


class _Waiting:
    """Lines on their way, and the request that waits for them.

    ``done`` is a plain lock, taken at once and given back by the writer: an Event
    costs three times as much.
    """

    __slots__ = ("abandoned", "done", "lines", "problem")

    def __init__(self, entries: Sequence[Logged]):
        self.lines = [(each.application, each.time, line_of(each)) for each in entries]
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
        refuses = self.options.on_failure == "refuse"
        self._when_not = "refused" if refuses else "lost"
        self._counts: Counter[str] = Counter()
        self._waiting = 0
        self._lock = threading.Lock()
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
        self.append_all((entry,))

    def append_all(self, entries: Sequence[Logged]) -> None:
        """Write entries in one wait; see `append`.

        Raises:
            LogError: as `append`, of any of them; the others may be in the log.
        """
        for name in {entry.application for entry in entries}.difference(self._writers):
            checked_application(name)
        waiting = _Waiting(entries)
        if self._closed:
            raise LogError(
                "Expected an open log. Received: an entry after close(). Append before."
            )
        with self._lock:
            fits = self._waiting + len(entries) <= self.options.queue
            self._waiting += len(entries) if fits else 0
        if not fits:
            self._failed(len(entries), f"{self.options.queue:,} entries wait already")
            return
        self._queue.put(waiting)
        if not waiting.done.acquire(timeout=self.options.wait_ms / 1000):
            if self.options.on_failure == "refuse":
                waiting.abandoned = True
                late = f"it was not written within {self.options.wait_ms} ms"
                self._failed(len(entries), late)
        elif waiting.problem is not None and self.options.on_failure == "refuse":
            raise self._error(waiting.problem)

    def _failed(self, entries: int, why: str) -> None:
        """Count entries that the writer will not; an error if that is asked for."""
        self._count(self._when_not, entries)
        if self.options.on_failure == "refuse":
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
        with self._lock:
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
        with self._lock:
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
                while len(group) < GROUP:
                    group.append(self._queue.get_nowait())
            except Empty:
                pass
            ended = None in group
            self._write([each for each in group if each is not None])
        for writer in self._writers.values():
            writer.close()

    def _write(self, group: Sequence[_Waiting]) -> None:
        """Write all lines of a group, and tell those who wait."""
        by_application: dict[str, list[tuple[_Waiting, int, bytes]]] = {}
        for each in group:
            for name, time, line in () if each.abandoned else each.lines:
                by_application.setdefault(name, []).append((each, time, line))
        for name, lines in by_application.items():
            self._write_lines(name, lines)
        with self._lock:
            self._waiting -= sum(len(each.lines) for each in group)
        for each in group:
            each.done.release()

    def _write_lines(
        self, application: str, lines: Sequence[tuple[_Waiting, int, bytes]]
    ) -> None:
        writer = self._writers.get(application)
        if writer is None:
            writer = Writer(self.folder / application, self.options)
            self._writers[application] = writer
        waiting, times, texts = zip(*lines, strict=True)
        written, problem = 0, "there is no more room"
        try:
            written = writer.write(texts, times)
        except Exception as error:  # the thread must outlive whatever one group meets
            problem = getattr(error, "strerror", None) or repr(error)
        self._count("written", written)
        self._count(self._when_not, len(lines) - written)
        self.failing = problem if written < len(lines) else None
        for each in waiting[written:]:
            each.problem = problem

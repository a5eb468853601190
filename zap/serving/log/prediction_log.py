"""The log as a server uses it: many threads append, one writes.

A request hands over its line and waits until the system has it, or until its time is
up: however slow the disk, no request waits longer. What waits is written as one group,
so that many requests cost little more than one.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

from zap.bundles.names import checked_application
from zap.errors import LogError
from zap.serving.log.entry import Logged, line_of
from zap.serving.log.files import files_of, folders_of, repair
from zap.serving.log.options import LogCounts, LogOptions
from zap.serving.log.writer import Writer

GROUP = 1_000
PROBE_BYTES = 4_096


class Handed:
    """Lines on their way, and who waits for them."""

    __slots__ = ("_told", "abandoned", "lines", "problem")

    def __init__(self, entries: Sequence[Logged], told: Callable[[], None]):
        self.lines = [(each.application, each.time, line_of(each)) for each in entries]
        self._told: Callable[[], None] | None = told
        self.problem: str | None = None
        self.abandoned = False

    def tell(self) -> None:
        """What became of them is known. Who waits is told once, and let go: they hold
        this, and would stay with it until the next search for cycles."""
        told, self._told = self._told, None
        if told is not None:
            told()


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

            log = PredictionLog("predictions", LogOptions(wait_ms=250))
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
        self._queue: SimpleQueue[Handed | None] = SimpleQueue()
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
        done = threading.Lock()  # a plain one: an Event costs three times as much
        done.acquire()
        handed = self.submit(entries, done.release)
        in_time = done.acquire(timeout=self.options.wait_ms / 1000)
        error = self.outcome(handed) if in_time else self.give_up(handed)
        if error is not None:
            raise error

    def submit(self, entries: Sequence[Logged], told: Callable[[], None]) -> Handed:
        """Hand entries over without waiting.

        Args:
            entries: to be written.
            told: called, in another thread as a rule, when `outcome` is known. It must
                not raise, and must be quick: all who come after wait for it.

        Returns:
            What `outcome` and `give_up` ask for.

        Raises:
            LogError: an entry can't be one, or the log is closed.
        """
        for entry in entries:
            if entry.application not in self._writers:
                checked_application(entry.application)
        handed = Handed(entries, told)
        if self._closed:
            raise LogError(
                "Expected an open log. Received: an entry after close(). Append before."
            )
        with self._lock:
            fits = self._waiting + len(entries) <= self.options.queue
            self._waiting += len(entries) if fits else 0
        if fits:
            self._queue.put(handed)
        else:
            handed.problem = f"{self.options.queue:,} entries wait already"
            self._count(self._when_not, len(entries))
            handed.tell()
        return handed

    def outcome(self, handed: Handed) -> LogError | None:
        """The error for a request whose entries were handed over; None if it is well,
        or is to go on without them."""
        if handed.problem is None or self.options.on_failure == "go_on":
            return None
        return self._error(handed.problem)

    def give_up(self, handed: Handed) -> LogError | None:
        """The same for a request that has waited for as long as it may."""
        if self.options.on_failure == "go_on":
            return None
        handed.abandoned = True
        self._count(self._when_not, len(handed.lines))
        return self._error(f"it was not written within {self.options.wait_ms} ms")

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
        if number:
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
            while len(group) < GROUP and not self._queue.empty():
                group.append(self._queue.get())  # nobody else takes from it
            ended = None in group
            self._write([each for each in group if each is not None])
        for writer in self._writers.values():
            writer.close()

    def _write(self, group: Sequence[Handed]) -> None:
        """Write all lines of a group, and tell those who wait."""
        by_application: dict[str, list[tuple[Handed, int, bytes]]] = {}
        for each in group:
            for name, time, line in () if each.abandoned else each.lines:
                by_application.setdefault(name, []).append((each, time, line))
        for name, lines in by_application.items():
            self._write_lines(name, lines)
        with self._lock:
            self._waiting -= sum(len(each.lines) for each in group)
        for each in group:
            each.tell()

    def _write_lines(
        self, application: str, lines: Sequence[tuple[Handed, int, bytes]]
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

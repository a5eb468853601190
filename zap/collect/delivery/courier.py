"""One sink's way through the spool: in order, at its own pace, until it succeeds.

What fails is read again from the spool before it is tried again, since what a subject
wanted forgotten may have gone from there in the meantime.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from zap.collect.delivery.options import DeliveryOptions
from zap.collect.delivery.report import SinkReport
from zap.collect.sinks.sink import Ailing, Sink, Telling
from zap.collect.spool import Positions, SpoolReader
from zap.errors import CollectError

_LOOK_S = 0.2


class Courier:
    """Brings records to one sink. ``run`` is the work of one thread.

    Args:
        folder: of the spool.
        sink: where to.
        options: bounds.
        stop: once it is set, what is there is delivered for a while, and then no more.

    Attributes:
        report: how it is.
    """

    def __init__(
        self,
        folder: Path,
        sink: Sink,
        options: DeliveryOptions,
        stop: threading.Event,
    ):
        self.report = SinkReport()
        self.sink = sink
        self._folder, self._options, self._stop = folder, options, stop
        self._positions = Positions(folder)
        self._reader: SpoolReader | None = None
        self._kept = -1
        self._until: tuple[float, int] | None = None

    @property
    def begun(self) -> bool:
        """Whether it knows how far its sink is."""
        return self._reader is not None

    def run(self) -> None:
        """Deliver until asked to stop."""
        pause_s = self._options.first_pause_s
        while not self._done():
            try:
                self._deliver()
            except Exception as error:  # a defect too: nothing may be lost by it
                self.report.failed(error, pause_s)
                self._note()
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, self._options.longest_pause_s)
            else:
                self.report.well()
                self._note()
                pause_s = self._options.first_pause_s

    def _note(self) -> None:
        """What the sink tells of itself."""
        if isinstance(self.sink, Telling):
            self.report.counts = dict(self.sink.counts())
        if isinstance(self.sink, Ailing):
            self.report.problems = dict(self.sink.problems())

    def _done(self) -> bool:
        """Whether to end: asked to, and all is delivered, or fails, or takes long."""
        if not self._stop.is_set():
            return False
        if self.report.in_a_row:
            return True
        if self._reader is None:
            return False
        if self._until is None:
            until = time.monotonic() + self._options.drain_s
            self._until = until, self._reader.end
        until, end = self._until
        return self.report.position >= end or time.monotonic() >= until

    def _deliver(self) -> None:
        """Deliver one batch, if there is one."""
        reader = self._reader or self._begin()
        report, options = self.report, self._options
        self._keep()  # before its first record too, so that the spool knows its sinks
        if not reader.wait(report.position, _LOOK_S):
            return
        self._linger(reader)
        batch = reader.read(report.position, options.most, options.most_bytes)
        self.sink.write(batch)
        report.taken += len(batch.records)
        report.position = batch.next
        # What the sink has taken needs no second time, whether this succeeds or not.
        self._keep()

    def _keep(self) -> None:
        """Have the position on the disk, for the next process and the status.

        Raises:
            CollectError: the disk refuses.
        """
        if self._kept != self.report.position:
            self._positions.set(self.sink.name, self.report.position)
            self._kept = self.report.position

    def _linger(self, reader: SpoolReader) -> None:
        """Wait for more records, as long as the sink may wait."""
        until = time.monotonic() + self.sink.linger_s
        enough = self.report.position + self._options.most
        while reader.end < enough and not self._stop.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return
            self._stop.wait(min(left, _LOOK_S))

    def _begin(self) -> SpoolReader:
        """Open the spool where the sink has stopped.

        Raises:
            CollectError: there is no such spool yet, or it is not the one that the sink
                was filled from.
        """
        reader = SpoolReader(self._folder)
        own, name = self.sink.position(), self.sink.name
        position = self._positions.get(name) if own is None else own
        there = reader.status()
        known = name in self._positions.all()
        if position > there.end or (position > there.oldest and not known):
            raise CollectError(
                "Expected the spool that the sink was filled from. Received: "
                f"spool={self._folder} with {there.end:,} records, "
                f"sink={self.sink.name} which has taken {position:,}. Bring the spool "
                "back, or choose a new folder for the sink."
            )
        self.report.skipped = max(0, there.oldest - position)
        self.report.position = max(there.oldest, position)
        self._reader = reader
        return reader

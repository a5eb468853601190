"""All sinks of a spool, each in a thread of its own, and the spool kept short."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from zap.collect.delivery.alone import alone
from zap.collect.delivery.courier import Courier
from zap.collect.delivery.options import DeliveryOptions
from zap.collect.delivery.report import SinkReport, now_us, write_report
from zap.collect.sinks.sink import Sink
from zap.collect.spool.trimming import trim
from zap.errors import ZapError

PATIENCE_S = 10.0
"""For a delivery whose collector was killed: it ends with the batch in its hands."""


class Delivery:
    """Brings the records of a spool to sinks.

    A sink that is down or slow holds up no other: it has a thread and a position of its
    own. The spool is trimmed to what the slowest of them still needs.

    Args:
        folder: of the spool.
        sinks: where to; closed at the end.
        options: bounds.
    """

    def __init__(
        self,
        folder: str | Path,
        sinks: Sequence[Sink],
        options: DeliveryOptions | None = None,
    ):
        assert len({sink.name for sink in sinks}) == len(sinks), "one of each name"
        self._folder, self._sinks = Path(folder), list(sinks)
        self._options = options or DeliveryOptions()

    def run(self, stop: threading.Event) -> Mapping[str, SinkReport]:
        """Deliver until ``stop`` is set and what was there then is delivered.

        Args:
            stop: is looked at all the time; may be set by a handler of signals.

        Returns:
            How each sink is at the end, by its name.

        Raises:
            CollectError: another process delivers this spool.
        """
        try:
            with alone(self._folder, PATIENCE_S):
                return self._run(stop)
        finally:
            for sink in self._sinks:
                sink.close()

    def _run(self, stop: threading.Event) -> Mapping[str, SinkReport]:
        started_us = now_us()
        couriers = [
            Courier(self._folder, sink, self._options, stop) for sink in self._sinks
        ]
        threads = [
            threading.Thread(target=courier.run, name=courier.sink.name)
            for courier in couriers
        ]
        for thread in threads:
            thread.start()
        try:
            return self._watch(couriers, threads, started_us, stop)
        except BaseException:  # no sink may be closed while its thread writes
            stop.set()
            for thread in threads:
                thread.join()
            raise

    def _watch(
        self,
        couriers: Sequence[Courier],
        threads: Sequence[threading.Thread],
        started_us: int,
        stop: threading.Event,
    ) -> Mapping[str, SinkReport]:
        """Report and trim while the threads work."""
        reports = {courier.sink.name: courier.report for courier in couriers}
        trim_at, problem, broken = 0.0, "", False
        while any(thread.is_alive() for thread in threads):
            write_report(self._folder, started_us, reports, problem)
            if time.monotonic() >= trim_at:
                problem = self._trim(couriers)
                trim_at = time.monotonic() + self._options.trim_s
            for thread in threads:
                thread.join(self._options.report_s / len(threads))
            if not stop.is_set() and not all(thread.is_alive() for thread in threads):
                stop.set()
                broken = True
        write_report(self._folder, started_us, reports, problem, ended=True)
        if broken:
            raise RuntimeError("a sink's thread has ended by itself; see above")
        return reports

    def _trim(self, couriers: Sequence[Courier]) -> str:
        """Drop what all have taken: what is old, and more where room is short.

        Returns:
            Why that can't be done; nothing where it can.
        """
        if not all(courier.begun for courier in couriers):
            return ""
        positions = {each.sink.name: each.report.position for each in couriers}
        try:
            short = shutil.disk_usage(self._folder).free < self._options.free_bytes
            trim(self._folder, positions, 0 if short else self._options.keep_s)
        except (ZapError, OSError) as error:
            return str(error)
        return ""

"""Sinks that keep what they are given in memory, and fail or wait when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zap.collect.delivery.delivery import Delivery
from zap.collect.delivery.options import DeliveryOptions
from zap.collect.delivery.report import read_report
from zap.errors import CollectError

PATIENCE_S = 60.0
QUICK = DeliveryOptions(
    most=50, first_pause_s=0.01, longest_pause_s=0.05, report_s=0.02, trim_s=0.05
)


class Listed:
    """A sink that lists numbers and records.

    Args:
        name: its name.
        fails: says for each batch whether it is refused before or after it was kept.
    """

    linger_s = 0.0

    def __init__(self, name: str = "listed", fails: Callable[[int], str] | None = None):
        self.name, self._fails = name, fails
        self.open = threading.Event()
        self.open.set()
        self.taken: list[tuple[int, bytes]] = []
        self.batches: list[Any] = []
        self.tries = 0
        self.closed = False

    def write(self, batch: Any) -> None:
        assert self.open.wait(PATIENCE_S)
        self.tries += 1
        when = self._fails(self.tries) if self._fails else ""
        if when == "before":
            raise CollectError(f"refused, try {self.tries}")
        self.batches.append(batch)
        self.taken += enumerate(batch.records, batch.first)
        if when == "after":
            raise CollectError(f"kept and yet refused, try {self.tries}")

    def position(self) -> int | None:
        return None

    def counts(self) -> Mapping[str, int]:
        return {"tries": self.tries}

    def close(self) -> None:
        self.closed = True


@contextmanager
def delivering(
    folder: Path, sinks: Sequence[Any], options: DeliveryOptions = QUICK
) -> Iterator[None]:
    """A delivery while a test needs it; at the end what is there is delivered."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            Delivery(folder, sinks, options).run(stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def until(true: Callable[[], Any]) -> None:
    """Wait for something; fail where it never comes."""
    limit = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def reported(folder: Path, name: str = "listed") -> dict[str, Any]:
    """What the delivery's report says of a sink, once there is one."""
    until(lambda: read_report(folder) is not None)
    report = read_report(folder)
    assert report is not None
    return dict(report["sinks"][name])

"""One collector for the tests of a module, each of which sees its own events only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.collect.real_collector import RealCollector, collector_at
from zap.collect.event import Event
from zap.collect.record import BadRecord


@dataclass
class Since:
    """A running collector, from now on.

    Attributes:
        collector: that others have posted to before.
        before: how many records they have left.
    """

    collector: RealCollector
    before: int = field(init=False)

    def __post_init__(self) -> None:
        self.before = len(self.collector.records())

    @property
    def url(self) -> str:
        return self.collector.url

    def records(self) -> list[Event | BadRecord | None]:
        """What has come since."""
        return self.collector.records()[self.before :]

    def events(self) -> list[Event]:
        """The events that have come since, in their order."""
        return [each for each in self.records() if isinstance(each, dict)]

    def bad(self) -> list[BadRecord]:
        """The bad rows that have come since."""
        return [each for each in self.records() if isinstance(each, BadRecord)]


@contextmanager
def running(folder: Path, *protocols: str, **settings: Any) -> Iterator[RealCollector]:
    """A collector with one source, ended in the end."""
    collector = collector_at(folder, protocols, **settings).start()
    try:
        yield collector
    finally:
        collector.stop()

"""Metrics of what is counted elsewhere: asked at each scrape, kept nowhere.

So a version that is no longer live is no longer told, and the numbers of the log are
the log's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class LogCounts(Protocol):
    """What a prediction log counts."""

    @property
    def written(self) -> int:
        """Entries that are on disk."""

    @property
    def lost(self) -> int:
        """Entries that are not, where serving goes on without."""

    @property
    def repaired(self) -> int:
        """Torn ends that were cut off."""


class Live(Collector):
    """The live version of each application."""

    def __init__(self, live: Callable[[], Mapping[str, str]]):
        self._live = live

    def describe(self) -> Iterator[Metric]:
        """The family, without asking."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        """The family, as it is now."""
        family = self._family()
        for application, version in sorted(self._live().items()):
            family.add_metric([application, version], 1)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "zap_live_version",
            "1 for the live version of each application.",
            labels=("application", "version"),
        )


class LogEntries(Collector):
    """Entries of the prediction log."""

    def __init__(self, counts: Callable[[], LogCounts]):
        self._counts = counts

    def describe(self) -> Iterator[Metric]:
        """The family, without asking."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        """The family, as it is now."""
        counts = self._counts()
        family = self._family()
        for outcome in ("written", "lost", "repaired"):
            value = getattr(counts, outcome)
            assert math.isfinite(value)
            family.add_metric([outcome], value)
        yield family

    @staticmethod
    def _family() -> CounterMetricFamily:
        return CounterMetricFamily(
            "zap_log_entries",
            "Entries of the prediction log: written, lost, or torn and repaired.",
            labels=("outcome",),
        )


class Total(Collector):
    """A number that only grows."""

    def __init__(self, name: str, help_text: str, total: Callable[[], int]):
        self._name, self._help, self._total = name, help_text, total

    def describe(self) -> Iterator[Metric]:
        """The family, without asking."""
        yield CounterMetricFamily(self._name, self._help)

    def collect(self) -> Iterator[Metric]:
        """The family, as it is now."""
        yield CounterMetricFamily(self._name, self._help, value=self._total())

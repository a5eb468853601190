"""What a collector tells of itself, in Prometheus's text form.

Counts are kept in plain numbers by the event loop alone and made into metrics when they
are asked for, since a collector answers thousands of requests a second and is asked for
metrics some times a minute. No label holds a key, an address or anything of an event's.

Names and labels are read by people's dashboards and alarms: add, and do not rename.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

ACK_S = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
ACCEPTED = "accepted"
NOBODY = ""
MOST_REASONS = 1_000
OTHER = "other"


class CollectMetrics(Collector):
    """The counts of one collector; for its event loop alone.

    Args:
        registry: in which it is told beside other metrics; None makes one.
    """

    def __init__(self, registry: CollectorRegistry | None = None):
        self.registry = registry or CollectorRegistry()
        if registry is None:
            ProcessCollector(registry=self.registry)
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()
        self._bad: Counter[tuple[str, str]] = Counter()
        self._connections: Counter[str] = Counter()
        self._acks: dict[str, tuple[list[int], list[float]]] = {}
        self._gauges: list[tuple[str, Callable[[], Mapping[str, float]]]] = []
        self.registry.register(self)

    def answered(self, protocol: str, fate: str, source: str) -> None:
        """A request was answered: ``accepted``, or the name of why it was not."""
        self._requests[protocol, fate, source] += 1

    def acknowledged(
        self, protocol: str, source: str, events: int, seconds: float
    ) -> None:
        """Events are on disk, and their client is told so."""
        self._events[protocol, source] += events
        acks = self._acks.get(protocol)
        if acks is None:
            acks = self._acks[protocol] = [0] * (len(ACK_S) + 1), [0.0]
        acks[0][bisect_left(ACK_S, seconds)] += 1
        acks[1][0] += seconds

    def bad_row(self, source: str, reason: str) -> None:
        """Something that is no event is on disk as a bad row."""
        key = source, reason
        if key not in self._bad and len(self._bad) >= MOST_REASONS:
            key = source, OTHER
        self._bad[key] += 1

    def refused(self, reason: str) -> None:
        """A connection was refused before it was a request."""
        self._connections[reason] += 1

    def watch(self, help_text: str, values: Callable[[], Mapping[str, float]]) -> None:
        """Tell numbers that are kept elsewhere.

        Args:
            help_text: one sentence.
            values: by the name of each, asked at each scrape.
        """
        self._gauges.append((help_text, values))

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is, is told when it is asked for."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All families, as they are now."""
        yield _counter(
            "requests", "Requests answered.", self._requests, "protocol fate source"
        )
        yield _counter(
            "events", "Events acknowledged.", self._events, "protocol source"
        )
        yield _counter("bad_rows", "Bad rows acknowledged.", self._bad, "source reason")
        connections = {(reason,): n for reason, n in self._connections.items()}
        yield _counter(
            "connections_refused", "Refused before a request.", connections, "reason"
        )
        yield self._latency()
        for help_text, values in self._gauges:
            for name, value in values().items():
                gauge = GaugeMetricFamily(f"zap_collect_{name}", help_text)
                gauge.add_metric([], value)
                yield gauge

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "zap_collect_ack_seconds",
            "From a request's headers to when its events are on disk.",
            labels=["protocol"],
        )
        for protocol, (counts, total) in self._acks.items():
            buckets, sum_so_far = [], 0
            bounds = [*(str(bound) for bound in ACK_S), "+Inf"]
            for bound, count in zip(bounds, counts, strict=True):
                sum_so_far += count
                buckets.append((bound, float(sum_so_far)))
            family.add_metric([protocol], buckets, total[0])
        return family


def _counter(
    name: str, help_text: str, counts: Mapping[Any, int], labels: str
) -> CounterMetricFamily:
    full = f"zap_collect_{name}"
    family = CounterMetricFamily(full, help_text, labels=labels.split())
    for key, value in sorted(counts.items()):
        family.add_metric(key, value)
    return family

"""What a server tells of itself, in Prometheus's text form.

Each server has a registry of its own, so that two in one process, as in tests, do not
count for each other. No label holds a subject, a path, a key or an address: labels are
templates of routes, names of applications and versions, and words from fixed lists.

Names and labels are read by people's dashboards and alarms: add, and do not rename.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from zap.serving.api.collectors import Live, LogCounts, LogEntries, Total

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A prediction takes a millisecond or less; a full server some seconds.
LATENCY_S = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
SCORES = tuple(n / 20 for n in range(1, 21))
AMOUNTS = tuple(b * 10.0**e for e in range(-1, 6) for b in (1, 2, 5))
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REASONS = (
    *("no_key", "bad_key", "kind_of_key", "application", "origin", "visitor", "host"),
    *("rate_key", "rate_visitor", "rate_address"),
    *("too_large", "slow_body", "encoding", "busy", "memory", "disconnected"),
    *("connections", "headers_too_large", "slow_headers", "malformed"),
)
VERSIONS_KEPT = 50


class Metrics:
    """The counters, gauges and histograms of one server. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        answered = "route", "method", "status"
        took = "From a request's headers to the end of its answer."
        scores = "Calibrated probabilities given; of several classes the largest."
        kept = "Live versions that could not be loaded; the former goes on."
        one, version = ("application",), ("application", "version")
        self._requests = counter("zap_requests", "Requests answered.", answered)
        self._latency = histogram(
            "zap_request_seconds", took, ("route",), buckets=LATENCY_S
        )
        self.in_flight = gauge("zap_requests_in_flight", "Requests being worked on.")
        self.buffered_bytes = gauge("zap_buffered_bytes", "Bodies being received.")
        self._refused = counter(
            "zap_refused", "Requests and connections refused.", ("reason",)
        )
        self._predictions = counter("zap_predictions", "Scores given.", version)
        self._scores = histogram("zap_score", scores, one, buckets=SCORES)
        self._amounts = histogram(
            "zap_amount", "Amounts predicted.", one, buckets=AMOUNTS
        )
        self._store_errors = counter(
            "zap_store_errors", "Failures of the event store.", ("operation",)
        )
        self._bundle_errors = counter("zap_bundle_errors", kept, one)
        self._children: dict[tuple[str, str, int], Counter] = {}
        self._latencies: dict[str, Histogram] = {}
        self._given: dict[tuple[str, str], Counter] = {}
        self._values: dict[tuple[str, bool], Histogram] = {}
        self._versions: dict[str, deque[str]] = {}
        for reason in REASONS:
            self._refused.labels(reason)
        ProcessCollector(registry=self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered.

        Args:
            route: the template of its path.
            method: of HTTP.
            status: of HTTP.
            seconds: that it took.
        """
        name = method if method in METHODS else "other"
        child = self._children.get((route, name, status))
        if child is None:
            child = self._requests.labels(route, name, str(status))
            self._children[route, name, status] = child
        child.inc()
        latency = self._latencies.get(route)
        if latency is None:
            latency = self._latencies[route] = self._latency.labels(route)
        latency.observe(seconds)

    def refused(self, reason: str) -> None:
        """A request or a connection was refused.

        Args:
            reason: a word of the code's, such as those of ``REASONS``; never of a
                request's.
        """
        self._refused.labels(reason).inc()

    def predicted(
        self,
        application: str,
        version: str,
        score: float | Sequence[float],
        amount: bool = False,
    ) -> None:
        """A score was given.

        Args:
            application: its name.
            version: that gave it.
            score: a probability, the classes' probabilities, or an amount.
            amount: whether it is an amount.
        """
        given = self._given.get((application, version))
        if given is None:
            self._forget_old_versions(application, version)
            given = self._predictions.labels(application, version)
            self._given[application, version] = given
        given.inc()
        value = score if isinstance(score, int | float) else max(score, default=0.0)
        values = self._values.get((application, amount))
        if values is None:
            values = (self._amounts if amount else self._scores).labels(application)
            self._values[application, amount] = values
        values.observe(value)

    def store_failed(self, operation: str) -> None:
        """The event store could not do something: a word such as ``append``."""
        self._store_errors.labels(operation).inc()

    def bundle_failed(self, application: str) -> None:
        """A live version could not be loaded."""
        self._bundle_errors.labels(application).inc()

    def watch_live(self, live: Callable[[], Mapping[str, str]]) -> None:
        """Tell which version of each application is live.

        Args:
            live: gives versions by application; asked at each scrape.
        """
        self.registry.register(Live(live))

    def watch_log(self, counts: Callable[[], LogCounts]) -> None:
        """Tell what the prediction log counts.

        Args:
            counts: asked at each scrape.
        """
        self.registry.register(LogEntries(counts))

    def watch_total(self, name: str, help_text: str, total: Callable[[], int]) -> None:
        """Tell a number that only grows and is counted elsewhere.

        Args:
            name: of the metric, without ``_total``.
            help_text: one sentence.
            total: asked at each scrape.
        """
        self.registry.register(Total(name, help_text, total))

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _forget_old_versions(self, application: str, version: str) -> None:
        known = self._versions.setdefault(application, deque())
        if version in known:
            return
        known.append(version)
        if len(known) > VERSIONS_KEPT:
            oldest = known.popleft()
            self._given.pop((application, oldest), None)
            self._predictions.remove(application, oldest)

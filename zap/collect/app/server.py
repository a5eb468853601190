"""A collector's life: opened, told when it answers, closed in order.

It ends by first answering what is being received, then closing the spool: whatever was
acknowledged is on disk, and what was not, its clients send again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from zap.collect.app.collector import Collector
from zap.collect.app.config import CollectConfig
from zap.collect.app.metrics import CollectMetrics
from zap.collect.app.own_routes import OwnRoutes
from zap.collect.archive.commits import committed
from zap.collect.bad.inbox import Inbox
from zap.collect.checks.checks import Checks
from zap.collect.protocol import Protocol
from zap.collect.protocols import PROTOCOLS
from zap.collect.spool import Spool, SpoolOptions
from zap.errors import CollectError
from zap.serving.api.asgi import App
from zap.serving.api.listening import bind, listen, url_of
from zap.serving.api.protocol import limited_protocol
from zap.serving.api.request_log import RequestLog


def protocols_of(config: CollectConfig) -> list[Protocol]:
    """The protocols that any source speaks.

    Raises:
        CollectError: a source names one that there is not.
    """
    named = {
        name: source
        for source, each in config.sources.items()
        for name in each.protocols
    }
    for name, source in named.items():
        if name not in PROTOCOLS:
            raise CollectError(
                f"Expected a protocol of {', '.join(sorted(PROTOCOLS))}. Received: "
                f"protocol={name!r}, source={source}. Change it."
            )
    return [make() for name, make in PROTOCOLS.items() if name in named]


def spool_numbers(spool: Spool) -> Mapping[str, float]:
    """What metrics tell of a spool."""
    status = spool.status()
    return {
        "spool_bytes": status.bytes,
        "spool_max_bytes": status.max_bytes,
        "spool_end": status.end,
        "spool_oldest": status.oldest,
        "spool_failing": float(bool(status.failing)),
    }


def problem_of(spool: Spool) -> str:
    """Why a spool takes nothing now; empty where it does."""
    status = spool.status()
    if status.failing:
        return "can't be written"
    return "full" if status.bytes >= status.max_bytes else ""


def open_spool(config: CollectConfig) -> Spool:
    """The spool of some settings, for the one process that writes to it.

    Where it is a new one, since the other was lost with its disk, its numbers go on
    where the archive stands: what comes with a number that the archive has taken would
    pass for taken.

    Raises:
        CollectError: it can't be written, or the archive's last commit is damaged.
    """
    least = 0
    if config.archive:
        with suppress(OSError):  # away for now; the delivery looks at it again
            least = committed(Path(config.archive))
    options = SpoolOptions(max_bytes=config.spool_max_bytes)
    return Spool(config.spool, options, least)


@dataclass(frozen=True)
class Collecting:
    """A collector that is open.

    Attributes:
        config: its settings.
        spool: where events are safe.
        protocols: that it speaks.
        checks: that events go through.
        requests: where lines of requests go.
        inbox: takes up what a replay has left.
    """

    config: CollectConfig
    spool: Spool
    protocols: Sequence[Protocol]
    checks: Checks
    requests: RequestLog
    inbox: Inbox

    def around(self, rest: App, registry: CollectorRegistry) -> Collector:
        """The collector before another application, told among its metrics."""
        return self._before(rest, self.metrics(registry))

    def alone(self) -> tuple[Collector, CollectMetrics]:
        """The collector with health, readiness and metrics of its own."""
        metrics = self.metrics()
        public = self.config.metrics_public
        rest = OwnRoutes(metrics, lambda: problem_of(self.spool), public)
        return self._before(rest, metrics), metrics

    def metrics(self, registry: CollectorRegistry | None = None) -> CollectMetrics:
        """Counts, and what the spool tells of itself."""
        metrics = CollectMetrics(registry)
        metrics.watch("The spool.", lambda: spool_numbers(self.spool))
        lost = self.requests
        metrics.watch("Left out of the log.", lambda: {"lines_lost": lost.lost})
        inbox = self.inbox
        metrics.watch(
            "Whether replayed rows can't be taken up.",
            lambda: {"inbox_failing": bool(inbox.failing)},
        )
        return metrics

    def _before(self, rest: App, metrics: CollectMetrics) -> Collector:
        return Collector(
            self.config,
            self.spool,
            self.protocols,
            self.checks,
            metrics,
            self.requests,
            rest,
        )


@contextmanager
def collecting(config: CollectConfig) -> Iterator[Collecting]:
    """A collector with its parts opened, until the block ends.

    Raises:
        CollectError: a part can't be opened.
    """
    protocols = protocols_of(config)
    checks = Checks(config.sources)
    spool = open_spool(config)
    silent = config.log_requests == "none"
    requests = RequestLog(None if silent else sys.stderr.buffer)
    inbox = Inbox(spool)
    inbox.start()
    try:
        yield Collecting(config, spool, protocols, checks, requests, inbox)
    finally:
        inbox.close()
        spool.close()
        requests.close()


def collect(config: CollectConfig, told: Callable[[str], None]) -> None:
    """Collect until the process is asked to end (SIGTERM, SIGINT).

    Args:
        config: the settings.
        told: called with the URL once the collector answers.

    Raises:
        ZapError: a part can't be opened, or the port is taken.
    """
    with collecting(config) as parts:
        app, metrics = parts.alone()
        bound = bind(config.host, config.port)
        listen(
            app,
            bound,
            limited_protocol(config.connections, metrics.refused),
            lambda: told(url_of(bound)),
            proxies=config.proxies,
            drain_s=config.drain_s,
        )

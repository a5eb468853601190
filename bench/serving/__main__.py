"""``python -m bench.serving``: our server beside FastAPI with a TensorFlow SavedModel.

Both answer the same requests about the same subjects of the same store, and take turns.
Servers share one core, the client and Redis have the other. Every number is of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.serving.asking import Asked, ask
from bench.serving.figures import latency_against_load
from bench.serving.inputs import VIEWS, bundle_of, shop_in, zap
from bench.serving.load import Load
from bench.serving.servers import (
    Server,
    cores,
    free_port,
    redis_server,
    reference_command,
    started,
    zap_command,
)
from bench.serving.shop_events import posted
from zap.bundles.bundle import Bundle

FIGURE = Path(__file__).parent / "figures" / "latency.png"
SETTINGS = (
    "threads = 1\nlog_requests = false\n"  # as the reference: one core, no such log
)
POSTED_AT_ONCE = 500
CHECKED = 200
TOLERANCE = 1e-5
OF_REFERENCE = (0.25, 0.5, 0.75, 0.9)
OF_OURS = (0.25, 0.5, 0.7, 0.8, 0.9)
STARTS = 5


class Bench:
    """One run.

    Args:
        args: of the command line.
    """

    def __init__(self, args: argparse.Namespace):
        self.args, self.work = args, args.work
        self.bundle = bundle_of(VIEWS, args.work)
        self.application = str(Bundle.load(self.bundle).info["application"])
        self.path = f"/v1/predictions/{self.application}"
        self.registry, self.saved = self.work / "registry", self.work / "saved"
        self.core, self.client_core = cores()
        self.run = self.work / "run"
        self._deploy()
        self.events = posted(shop_in(self.work) / "events", args.batch_subjects)
        subjects = list(self.events)[: args.subjects]
        self.bodies = [json.dumps({"subject": each}) for each in subjects]

    def _deploy(self) -> None:
        if not self.saved.exists():
            command = [sys.executable, "-m", "bench.serving.saved_model"]
            subprocess.run(
                [*command, str(self.bundle), str(self.saved)],
                check=True,
                stderr=subprocess.DEVNULL,
            )
        shutil.rmtree(self.registry, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(parents=True)
        options = ["--registry", self.registry, "--application", self.application]
        zap("models", "add", self.bundle, *options)
        (version,) = (self.registry / self.application / "versions").iterdir()
        zap("models", "deploy", version.name, *options)

    @contextmanager
    def ours(self, store: str) -> Iterator[Server]:
        """Our server, on the core of servers."""
        port, settings = free_port(), self.run / "serve.toml"
        settings.write_text(SETTINGS)
        command = zap_command(
            self.registry, store, self.run / "log", port, "--config", settings
        )
        with started("zap", command, port, self.core, self.run / "zap.log") as server:
            yield server

    @contextmanager
    def reference(self, store: str) -> Iterator[Server]:
        """The reference, on the same core."""
        port, log = free_port(), self.run / "reference.jsonl"
        command = reference_command(
            self.bundle, self.saved, self.application, store, log, port
        )
        file = self.run / "reference.log"
        with started("reference", command, port, self.core, file) as server:
            yield server

    def fill(self, server: Server) -> None:
        """Post all events."""
        flat = [event for events in self.events.values() for event in events]
        for first in range(0, len(flat), POSTED_AT_ONCE):
            some = flat[first : first + POSTED_AT_ONCE]
            server.post("/v1/events", {"events": some})

    def check(self, servers: Sequence[Server]) -> tuple[float, float]:
        """The largest difference between two answers, and the events they looked at.

        Raises:
            SystemExit: the answers differ.
        """
        worst, events = 0.0, []
        for body in self.bodies[:CHECKED]:
            one, other = (each.post(self.path, json.loads(body)) for each in servers)
            worst = max(worst, abs(one["probability"] - other["probability"]))
            same = all(one[n] == other[n] for n in ("events", "instant_us"))
            if not same or worst > TOLERANCE:
                raise SystemExit(f"the answers differ: {one} and {other}")
            events.append(one["events"])
        return worst, statistics.mean(events)

    def ask(self, servers: Sequence[Server], clients: int, rate: float) -> list[Asked]:
        """A load on each, in turns."""
        args = self.args
        load = Load(0, self.path, self.bodies, clients, rate, args.seconds, args.warm)
        return ask(servers, load, args.rounds, self.client_core, self.run)


def closed(bench: Bench, servers: Sequence[Server], store: str) -> dict[int, Any]:
    """The most that each server answers, by number of clients."""
    found: dict[int, Any] = {}
    for clients in bench.args.clients:
        found[clients] = bench.ask(servers, clients, 0)
        ours, theirs = found[clients]
        ratio = ours.throughput / theirs.throughput
        for asked, times in ((ours, f"{ratio:.2f}"), (theirs, "1")):
            quantiles = " | ".join(f"{each:.2f}" for each in asked.quantiles_ms)
            cpu = statistics.median(asked.cpu_us)
            print(
                f"| {store} | {clients} | {asked.server} | {asked.throughput:,.0f} "
                f"| {times} | {quantiles} | {cpu:,.0f} | {asked.mb:.0f} "
                f"| {asked.client_share:.2f} | {asked.refused} |",
                flush=True,
            )
    return found


def opened(
    bench: Bench, servers: Sequence[Server], store: str, most: dict[int, Any]
) -> list[Asked]:
    """Latencies by load, from a part of what the reference can to nearly all we can."""
    found: list[Asked] = []
    ours, _ = servers
    for clients in bench.args.clients:
        top_ours, top_theirs = (asked.throughput for asked in most[clients])
        rates = [(servers, share * top_theirs) for share in OF_REFERENCE]
        above = [share * top_ours for share in OF_OURS if share * top_ours > top_theirs]
        rates += [([ours], rate) for rate in above]
        for asked_of, rate in rates:
            for asked in bench.ask(asked_of, clients, rate):
                found.append(asked)
                quantiles = " | ".join(f"{each:.2f}" for each in asked.quantiles_ms)
                print(
                    f"| {store} | {clients} | {asked.server} | {rate:,.0f} "
                    f"| {rate / top_theirs:.2f} | {asked.throughput:,.0f} "
                    f"| {quantiles} | {asked.client_share:.2f} | {asked.refused} |",
                    flush=True,
                )
    return found


def batches(bench: Bench, server: Server, store: str) -> None:
    """Subjects a second of the batch endpoint."""
    subjects = list(bench.events)
    took = []
    for _ in range(bench.args.rounds):
        begun = time.perf_counter()
        server.post(f"{bench.path}/batch", {"subjects": subjects})
        took.append(time.perf_counter() - begun)
    best = min(took)
    print(
        f"| {store} | {len(subjects):,} | {best:.2f} | {len(subjects) / best:,.0f} "
        f"| {server.mb:.0f} |",
        flush=True,
    )


def starts(bench: Bench) -> None:
    """Seconds and memory from the start of our server until it is ready."""
    print("\n| start | ready (s) | resident (MB) |\n| --- | --- | --- |")
    for at in range(STARTS):
        with bench.ours(f"sqlite:{bench.run / 'starts.db'}") as server:
            print(f"| {at + 1} | {server.ready_seconds:.2f} | {server.ready_mb:.0f} |")


@contextmanager
def store_url(bench: Bench, name: str) -> Iterator[str]:
    """An empty store."""
    if name == "redis":
        with redis_server(bench.run, bench.client_core) as url:
            yield url
    else:
        yield f"sqlite:{bench.run / 'events.db'}"


def main() -> None:
    """Measure and print the tables, and draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving")
    add = parser.add_argument
    add("--work", type=Path, default=Path("build/serving"))
    add("--stores", nargs="+", choices=["sqlite", "redis"], default=["sqlite", "redis"])
    add("--clients", nargs="+", type=int, default=[1, 10, 100])
    add("--seconds", type=float, default=5, help="of a round")
    add("--warm", type=float, default=1, help="seconds before each round")
    add("--rounds", type=int, default=3)
    add("--subjects", type=int, default=1000, help="that requests are about")
    add("--batch-subjects", type=int, default=10_000)
    add("--closed-only", action="store_true", help="no latency by load")
    add("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    starts(bench)
    by_store: dict[str, Sequence[Asked]] = {}
    for store in args.stores:
        with ExitStack() as stack:
            url = stack.enter_context(store_url(bench, store))
            ours = stack.enter_context(bench.ours(url))
            bench.fill(ours)
            servers = [ours, stack.enter_context(bench.reference(url))]
            by_store[store] = measured(bench, servers, store)
    if not args.closed_only:
        latency_against_load(
            by_store, args.clients[len(args.clients) // 2], args.figure
        )


def measured(bench: Bench, servers: Sequence[Server], store: str) -> Sequence[Asked]:
    """All tables of a store."""
    worst, events = bench.check(servers)
    print(
        f"\n{store}: {CHECKED} answers of both differ by at most {worst:.1e}; "
        f"{events:.0f} events a prediction.\n\n"
        "| store | clients | server | answers a second | times | p50 (ms) | p99 "
        "| p99.9 | CPU (µs) | MB | client's core | not 200 |\n"
        f"|{' --- |' * 12}"
    )
    most = closed(bench, servers, store)
    print(
        "\n| store | subjects | best (s) | subjects a second | MB after |\n"
        "| --- | --- | --- | --- | --- |"
    )
    batches(bench, servers[0], store)
    if bench.args.closed_only:
        return []
    print(
        "\n| store | clients | server | due a second | of the reference's most "
        "| answered | p50 (ms) | p99 | p99.9 | client's core | not 200 |\n"
        f"|{' --- |' * 11}"
    )
    return opened(bench, servers, store, most)


if __name__ == "__main__":
    main()

"""Loads on servers that take turns, and what is made of their latencies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from bench.serving.load import Load
from bench.serving.servers import Server

QUANTILES = (50, 99, 99.9)


@dataclass
class Asked:
    """What came of the rounds of one load on one server.

    Attributes:
        server: its name.
        clients: connections.
        rate: requests a second that were due; 0 where each client asks again at once.
        latencies_ms: of all rounds.
        throughputs: answers a second, round by round.
        cpu_us: of the server, a request, round by round.
        mb: resident memory of the server after the last round.
        client_share: of a core that the client took, at most.
        statuses: answers by status.
    """

    server: str
    clients: int
    rate: float
    latencies_ms: list[np.ndarray] = field(default_factory=list)
    throughputs: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    mb: float = 0.0
    client_share: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def throughput(self) -> float:
        """Answers a second: the median of the rounds."""
        return float(np.median(self.throughputs))

    @property
    def quantiles_ms(self) -> list[float]:
        """Of the latencies of all rounds together: p50, p99, p99.9."""
        together = np.concatenate(self.latencies_ms)
        return [float(each) for each in np.percentile(together, QUANTILES)]

    @property
    def refused(self) -> int:
        """Answers that were no 200."""
        return sum(n for status, n in self.statuses.items() if status != "200")


def ask(
    servers: Sequence[Server],
    load: Load,
    rounds: int,
    core: int | None,
    work: Path,
) -> list[Asked]:
    """The same load on each of the servers, which take turns round by round.

    Args:
        servers: they are up all the time; those that nobody asks are idle.
        load: its port and seed do not matter.
        rounds: how often.
        core: where the client runs.
        work: for latencies on their way.
    """
    found = [Asked(each.name, load.connections, load.rate) for each in servers]
    for at in range(rounds):
        for server, asked in zip(servers, found, strict=True):
            one = {**asdict(load), "port": server.port, "seed": at}
            _round(server, one, core, work / "latencies", asked)
    return found


def _round(
    server: Server, load: dict[str, object], core: int | None, file: Path, asked: Asked
) -> None:
    command = [sys.executable, "-m", "bench.serving.load", "--latencies", str(file)]
    if core is not None:
        command += ["--core", str(core)]
    before = server.cpu_seconds
    done = subprocess.run(
        command, input=json.dumps(load), capture_output=True, text=True, check=True
    )
    used = server.cpu_seconds - before
    said = json.loads(done.stdout)
    latencies = np.fromfile(file, np.float64)
    asked.latencies_ms.append(latencies * 1e3)
    asked.throughputs.append(len(latencies) / said["seconds"])
    asked.cpu_us.append(used / max(said["answers"], 1) * 1e6)
    asked.mb = server.mb
    asked.client_share = max(asked.client_share, said["client_share"])
    for status, count in said["statuses"].items():
        asked.statuses[status] = asked.statuses.get(status, 0) + count

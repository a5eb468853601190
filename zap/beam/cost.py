"""What a job will take, told from its size before it runs.

The model is linear in what a job has to do: events to read, values to encode,
histories to make, examples to write, pieces to pack. Its coefficients are fitted on
measured jobs (``bench/scale/cost``), so they are those of one machine;
``Cluster.speed`` says how much faster or slower another one's cores are. Prices are a
vendor's list and change: they are options, with the defaults' place and date beside
them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zap.beam.shards import MOST_ROWS
from zap.beam.shuffle import LIKELY_ROWS, MOST_HELD
from zap.beam.sources import PART_ROWS

HOUR, GIGABYTE = 3_600, 10**9
EVENTS_OF_SUBJECT = 10

CPU_SECONDS: Mapping[str, float] = {
    "job": 7.9,
    "events": 0.18e-6,
    "values": 0.34e-6,
    "histories": 8.2e-6,
    "examples": 0.92e-6,
    "pieces": 400e-6,
    "tables": 34e-3,
}
"""CPU seconds of all processes for each of what a job has to do."""

SHUFFLE_BYTES: Mapping[str, float] = {
    "events": 33.8,
    "values": 1.87,
    "histories": 18.4,
    "pieces": 5_940.0,
}
OUTPUT_BYTES: Mapping[str, float] = {
    "values": 0.56,
    "histories": 285.0,
    "examples": 93.8,
}

WORKER_BYTES: Mapping[str, float] = {"worker": 264e6, "rows": 0.0, "row values": 54.8}
"""Memory of one process: at its start, and for the rows that it holds at a time."""

BUSY = 0.85
"""Share of the cores' time that is work, while there is enough for all."""


@dataclass(frozen=True)
class Job:
    """The size of a job.

    Attributes:
        events: rows of raw events.
        subjects: from whom they come.
        fields: fields that the question reads.
        examples: cutoffs.
        shards: their number.
    """

    events: int
    subjects: int
    fields: int
    examples: int
    shards: int

    @property
    def rows_at_once(self) -> int:
        """Rows that a process holds: those it reads, or those of a shard."""
        return max(self._cut_at_once, min(self.events // self.shards, MOST_ROWS))

    @property
    def _cut_at_once(self) -> int:
        return min(LIKELY_ROWS * self.shards, MOST_HELD, PART_ROWS, self.events)

    def work(self) -> dict[str, float]:
        """What there is to do, by the names of the coefficients."""
        pieces = math.ceil(self.events / max(1, self._cut_at_once)) * self.shards
        return {
            "job": 1,
            "events": self.events,
            "values": self.events * self.fields,
            "histories": self.subjects,
            "examples": self.examples,
            "pieces": min(pieces, self.events),
            "tables": max(self.shards, self.events // MOST_ROWS),
        }

    def memory(self) -> dict[str, float]:
        """What a process holds, by the names of the coefficients."""
        rows = self.rows_at_once
        return {"worker": 1, "rows": rows, "row values": rows * self.fields}


@dataclass(frozen=True)
class Prices:
    """Prices of a service, in dollars.

    Attributes:
        core_hour: of a virtual core for an hour.
        gigabyte_hour: of a gigabyte of memory for an hour.
        shuffle_gigabyte: of a gigabyte that is shuffled.
        of: what the prices are those of.
    """

    core_hour: float = 0.056
    gigabyte_hour: float = 0.003557
    shuffle_gigabyte: float = 0.011
    of: str = "Dataflow, batch, us-central1, list price of 2024"


@dataclass(frozen=True)
class Cluster:
    """Machines that share a job.

    Attributes:
        workers: machines.
        cores: of each.
        core_gigabytes: memory for each core.
        start_seconds: until workers work.
        speed: work that a core does in a second, in seconds of a measured core.
    """

    workers: int
    cores: int = 4
    core_gigabytes: float = 4.0
    start_seconds: float = 180.0
    speed: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Attributes:
        cpu_seconds: of all processes.
        seconds: from start to end.
        shuffle_bytes: that travel between workers.
        output_bytes: of examples.
        worker_bytes: most memory of one process; a machine has one for each core.
        dollars: of the service, without storage and networks.
        prices: what the dollars were computed with.
    """

    cpu_seconds: float
    seconds: float
    shuffle_bytes: float
    output_bytes: float
    worker_bytes: float
    dollars: float
    prices: Prices = field(default_factory=Prices)

    def to_dict(self) -> dict[str, Any]:
        """The estimate as a JSON object."""
        return asdict(self)


def estimate(job: Job, cluster: Cluster, prices: Prices | None = None) -> Estimate:
    """What a job will take on some machines."""
    prices = prices or Prices()
    cores = cluster.workers * cluster.cores
    cpu = told(CPU_SECONDS, job.work()) / cluster.speed
    # A shard is one core's work: whoever begins the last one lets all others wait.
    last = cpu / job.shards
    seconds = cluster.start_seconds + max(cpu / (cores * BUSY), last) + last
    hours = seconds / HOUR
    shuffle = told(SHUFFLE_BYTES, job.work())
    dollars = (
        cores * hours * prices.core_hour
        + cores * hours * cluster.core_gigabytes * prices.gigabyte_hour
        + shuffle / GIGABYTE * prices.shuffle_gigabyte
    )
    return Estimate(
        cpu_seconds=cpu,
        seconds=seconds,
        shuffle_bytes=shuffle,
        output_bytes=told(OUTPUT_BYTES, job.work()),
        worker_bytes=told(WORKER_BYTES, job.memory()),
        dollars=dollars,
        prices=prices,
    )


def job_of(events: int, fields: int, shards: int, subjects: int | None = None) -> Job:
    """A job of which not much is known: rather too large than too small.

    Args:
        events: rows of raw events; see `zap.events.likely.likely_rows`.
        fields: fields that the question reads.
        shards: their number.
        subjects: from whom the events come; None for a tenth of them.

    Returns:
        The job, with an example after every event.
    """
    if subjects is None:
        subjects = events // EVENTS_OF_SUBJECT
    return Job(events, subjects, fields, examples=events, shards=shards)


def told(coefficients: Mapping[str, float], sizes: Mapping[str, float]) -> float:
    """The sum of coefficients times sizes."""
    return sum(value * sizes[name] for name, value in coefficients.items())

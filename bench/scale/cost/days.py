"""``python -m bench.scale.cost.days``: what a day of events would take on Dataflow.

The table of docs/cost.md: the question of the benchmark with five fields, ten events a
subject, an example after nearly every event.
"""

from __future__ import annotations

from collections.abc import Iterator

from zap.beam.cost import Cluster, Job, estimate
from zap.beam.pipeline import MOST_SHARDS, SHARD_BYTES

STORED_BYTES = 32
"""Of an event of the benchmark's four properties, as Parquet."""

DAYS = ((10**6, 1), (10**8, 4), (10**10, 50), (10**10, 500))


def job(events: int) -> Job:
    """A day of so many events."""
    shards = min(max(events * STORED_BYTES // SHARD_BYTES, 4), MOST_SHARDS)
    return Job(events, events // 10, 5, events, shards)


def table() -> Iterator[str]:
    """The lines of the table."""
    yield (
        "| events | machines of 4 cores | shards | CPU hours | minutes | shuffled | "
        "examples | memory of a process | dollars |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for events, workers in DAYS:
        day = job(events)
        found = estimate(day, Cluster(workers))
        gigabytes = [found.shuffle_bytes / 1e9, found.output_bytes / 1e9]
        yield (
            f"| {events / 1e6:,.0f} M | {workers} | {day.shards:,} "
            f"| {found.cpu_seconds / 3_600:,.2f} | {found.seconds / 60:,.0f} "
            f"| {gigabytes[0]:,.1f} GB | {gigabytes[1]:,.1f} GB "
            f"| {found.worker_bytes / 1e9:.1f} GB | {found.dollars:,.2f} |"
        )


if __name__ == "__main__":
    print(*table(), sep="\n")

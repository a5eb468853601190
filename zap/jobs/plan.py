"""What ``zap generate`` would do: how much it would read, into how many shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zap.beam.cost import Cluster, Estimate, estimate, job_of
from zap.beam.generate import check_fields
from zap.beam.pipeline import shard_count
from zap.beam.portable import slots
from zap.beam.runner import parse_options
from zap.beam.workers import wanted_workers
from zap.events.planned import PlannedInput, plan_inputs
from zap.events.sources import StoredFile
from zap.histories.needed import properties_to_read, unread_fields
from zap.jobs.inputs import RawInput


@dataclass(frozen=True)
class Plan:
    """A job that has not been run.

    Attributes:
        inputs: what it would read.
        workers: the local processes that it would run in; 1 where a runner is named,
            which has its own.
        shards: into which it would group its subjects.
        likely: what it would take on the local workers.
    """

    inputs: Sequence[PlannedInput]
    workers: int
    shards: int
    likely: Estimate

    @property
    def read_bytes(self) -> int:
        """Of all inputs."""
        return sum(each.read_bytes for each in self.inputs)

    def dollars(self, read_price: float, query_price: float) -> float:
        """What BigQuery takes for it, at prices of a TiB."""
        return sum(each.dollars(read_price, query_price) for each in self.inputs)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {**asdict(self), "read_bytes": self.read_bytes}


def plan(raw: RawInput, beam_args: Sequence[str], shards: int | None = None) -> Plan:
    """Plan a job without running it.

    Args:
        raw: the question and its input.
        beam_args: Beam's options.
        shards: their number, if it is given.

    Raises:
        ZapError: an input is not there, or does not fit.
    """
    check_fields(raw.generator, raw.mapping)
    properties = properties_to_read(raw.generator)
    inputs = plan_inputs(
        raw.paths, raw.mapping, properties, unread_fields(raw.generator)
    )
    stored = sum(each.compressed_bytes for each in inputs)
    workers = wanted_workers(beam_args, stored)
    at_once = max(workers, slots(parse_options(beam_args)))
    shards = shards or shard_count([StoredFile("", stored, "")], at_once)
    events = sum(each.events for each in inputs)
    job = job_of(events, len(raw.generator.instance.reads.fields), shards)
    here = Cluster(workers=1, cores=workers, start_seconds=0.0)
    return Plan(inputs, workers, shards, estimate(job, here))

"""The runs that the cost model is fitted on, and how one is described."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.scale.cost.events import Crowd, write
from bench.scale.cost.measure import measured
from zap.beam.pipeline import shard_count
from zap.events.mapping import EventMapping
from zap.events.sources import list_files

PROPERTIES = {"One": 1, "Four": 4, "Twelve": 12, "Rare": 4}
VARIED_EVENTS = 2_000_000


@dataclass(frozen=True)
class Run:
    """A job to be measured.

    Attributes:
        crowd: its events.
        question: of ``question``.
        shards: their number; None for what Zap chooses.
    """

    crowd: Crowd
    question: str = "Four"
    shards: int | None = None

    @property
    def name(self) -> str:
        """What tells it from the others."""
        crowd = self.crowd
        return (
            f"{crowd.events}-{crowd.subjects}-{crowd.zipf}-{crowd.columns}-{crowd.bot}"
            f"-{self.question}-{self.shards}"
        )


def sized(events: int) -> Run:
    """A run of so many events, alike but for their number."""
    return Run(Crowd(events, events // 10))


def varied(events: int = VARIED_EVENTS) -> list[Run]:
    """Runs of one size that differ in one thing each."""
    return [
        Run(Crowd(events, events // 10, columns=1), "One"),
        Run(Crowd(events, events // 10, columns=12), "Twelve"),
        Run(Crowd(events, events // 2)),
        Run(Crowd(events, events // 100)),
        Run(Crowd(events, events // 10), "Rare"),
        Run(Crowd(events, events // 10), shards=512),
        Run(Crowd(events, events // 10, zipf=1.0)),
    ]


def measure(run: Run, work: Path, workers: int) -> dict[str, Any]:
    """Make the events, run the job, remove both; what the job took."""
    raw = (work / "events").resolve()
    shutil.rmtree(raw, ignore_errors=True)
    write(run.crowd, raw)
    mapping = EventMapping.load(str(raw / "mapping.toml"))
    files = list_files([str(raw)], mapping)
    shards = run.shards or shard_count(files, workers)
    more = [f"--shards={shards}"]
    found = measured(raw, run.question, (work / "examples").resolve(), workers, more)
    shutil.rmtree(raw)
    return {
        "run": run.name,
        "crowd": asdict(run.crowd),
        "question": run.question,
        "properties": PROPERTIES[run.question],
        "workers": workers,
        "shards": shards,
        "stored_bytes": sum(file.size_bytes for file in files),
        **{name: value for name, value in found.items() if name != "counts"},
        "dropped": found["counts"].get("events.dropped.max_subject_events", 0),
    }

"""What examples take on the disk, and what reading them takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.training.expanded import records_of, rows_of
from bench.training.inputs import Input
from bench.training.timing import best_seconds
from zap.datasets.tfexample import encode_visits
from zap.datasets.tfrecord import write_records
from zap.training.batches import Batches
from zap.training.config import ModelConfig

SAMPLE = 500  # examples that are expanded


def disk(given: Input, folder: Path) -> dict[str, tuple[float, float]]:
    """Bytes an example, as written and with gzip; of the expanded forms by a sample."""
    visits = given.visits
    spread = visits.cutoffs // SAMPLE or 1
    some = np.arange(visits.cutoffs)[::spread][:SAMPLE]
    found = {"Zap, visits": _bytes(encode_visits(visits), visits.cutoffs, folder)}
    for name, multi_hot in (("multi-hot", True), ("entries", False)):
        rows = rows_of(visits, some, given.spec, given.spec.last, multi_hot)
        records = records_of(rows)
        found[f"expanded, {name}, padded"] = _bytes(records, len(some), folder)
    return found


def _bytes(
    records: Sequence[bytes], examples: int, folder: Path
) -> tuple[float, float]:
    path = folder / "records"
    plain = write_records(str(path), records)
    write_records(str(path), records, "gzip")
    return plain / examples, path.stat().st_size / examples


def reading(given: Input, config: ModelConfig, rounds: int) -> dict[str, float]:
    """Seconds of reading the examples, and of making an epoch's batches of them."""
    visits = given.visits

    def epoch() -> None:
        made = Batches(visits, given.spec, config.batch, fewest=32)
        for _ in made.epoch(0):
            pass

    return best_seconds({"read": given.read, "batches": epoch}, rounds)

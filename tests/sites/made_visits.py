"""Made visits, and what they hold as plain values to compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zap.datasets.visits import Visits
from zap.encoding.columns import SparseRows


def made_sparse(rng: np.random.Generator, rows: int, size: int = 9) -> SparseRows:
    """Sparse rows with 0 to 3 entries."""
    counts = rng.integers(0, 4, rows)
    indices = [np.sort(rng.choice(size, n, replace=False)) for n in counts]
    return SparseRows(
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.concatenate([*indices, np.zeros(0)]).astype(np.int32),
        rng.random(int(counts.sum())).astype(np.float32),
    )


def made_visits(visits: int, seed: int = 0, most: int = 6) -> Visits:
    """Visits of up to ``most`` events, with up to ``most`` cutoffs anywhere in them."""
    rng = np.random.default_rng(seed)
    events = rng.integers(0, most + 1, visits)
    cutoffs = rng.integers(1, most + 1, visits)
    offsets = np.concatenate(([0], np.cumsum(events))).astype(np.int64)
    visit = np.repeat(np.arange(visits), cutoffs)
    stop = offsets[visit] + rng.integers(0, events[visit] + 1)
    start = np.maximum(stop - 3, offsets[visit])
    total = len(visit)
    floats = rng.random((6, total)).astype(np.float32)
    return Visits(
        subject_hash=rng.choice(2**62, visits, replace=False) - 2**61,
        event_offsets=offsets,
        events=made_sparse(rng, int(offsets[-1])),
        cutoff_offsets=np.concatenate(([0], np.cumsum(cutoffs))).astype(np.int64),
        start=start,
        stop=stop,
        instant_us=rng.integers(-(2**50), 2**50, total),
        label=(floats[0] < 0.5).astype(np.float32),
        weight=floats[1] + 0.5,
        metadata=made_sparse(rng, total),
        statistics={"pages": floats[2]},
        baseline={"events": floats[3], "age_seconds": floats[4]},
        moment={"position": floats[5]},
    )


def examples_of(visits: Visits) -> list[tuple[Any, ...]]:
    """Every example as plain values, in order; written with loops on purpose."""
    found = []
    for visit in range(len(visits)):
        first, last = visits.cutoff_offsets[visit : visit + 2].tolist()
        for cutoff in range(first, last):
            events = range(int(visits.start[cutoff]), int(visits.stop[cutoff]))
            found.append(
                (
                    int(visits.subject_hash[visit]),
                    int(visits.instant_us[cutoff]),
                    float(visits.label[cutoff]),
                    float(visits.weight[cutoff]),
                    tuple(entries_of(visits.events, event) for event in events),
                    entries_of(visits.metadata, cutoff),
                    named_values(visits.statistics, cutoff),
                    named_values(visits.baseline, cutoff),
                    named_values(visits.moment, cutoff),
                )
            )
    return found


def named_values(
    columns: Mapping[str, np.ndarray], row: int
) -> tuple[tuple[str, float], ...]:
    """One row of columns by name."""
    return tuple((name, float(columns[name][row])) for name in sorted(columns))


def entries_of(rows: SparseRows, row: int) -> tuple[tuple[int, float], ...]:
    """Indices and values of one row."""
    first, last = rows.offsets[row : row + 2].tolist()
    pairs = zip(rows.indices[first:last], rows.values[first:last], strict=True)
    return tuple((int(index), float(value)) for index, value in pairs)

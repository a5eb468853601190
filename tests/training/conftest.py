"""Made examples for the tests of training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import SparseRows

SPEC = InputSpec(
    last=6, event_size=12, event_width=3, metadata_size=5, metadata_width=2
)


def rows_of(rng: np.random.Generator, count: int, size: int, width: int) -> SparseRows:
    """``count`` random sparse rows with 0 to ``width`` entries."""
    entries = rng.integers(0, width + 1, count)
    indices = [np.sort(rng.choice(size, n, replace=False)) for n in entries]
    return SparseRows(
        np.concatenate(([0], np.cumsum(entries))).astype(np.int64),
        np.concatenate([*indices, np.zeros(0)]).astype(np.int32),
        rng.uniform(0.1, 1.0, int(entries.sum())).astype(np.float32),
    )


def made_visits(visits: int = 60, seed: int = 0, spec: InputSpec = SPEC) -> Visits:
    """Visits of 1 to 9 events with a cutoff after each; index 0 makes a buyer."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 10, visits)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    events = rows_of(rng, int(offsets[-1]), spec.event_size, spec.event_width)
    visit = np.repeat(np.arange(visits), lengths)
    stop = np.arange(offsets[-1]) + 1
    start = np.maximum(stop - spec.last, offsets[visit])
    holds_zero = np.zeros(len(events), bool)
    row = np.repeat(np.arange(len(events)), np.diff(events.offsets))
    holds_zero[row[events.indices == 0]] = True
    seen = np.array([holds_zero[a:b].any() for a, b in zip(start, stop, strict=True)])
    noise = rng.random(len(stop)) < 0.1
    return Visits(
        subject_hash=rng.integers(-(2**62), 2**62, visits),
        event_offsets=offsets,
        events=events,
        cutoff_offsets=offsets,
        start=start,
        stop=stop,
        instant_us=stop * 1_000_000,
        label=(seen ^ noise).astype(np.float32),
        weight=rng.uniform(0.5, 2.0, len(stop)).astype(np.float32),
        metadata=rows_of(rng, len(stop), spec.metadata_size, spec.metadata_width),
        statistics={},
        baseline={},
    )


@pytest.fixture(scope="session")
def spec() -> InputSpec:
    """The shape of the made examples."""
    return SPEC


@pytest.fixture(scope="session")
def make_visits() -> Callable[..., Visits]:
    """A function that makes visits."""
    return made_visits

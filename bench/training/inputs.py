"""What is trained on: a simulated shop's dataset, and made visits that are long.

The shop's visits are short, and hold ten page views on average. The made ones have 10
to 40 events, a cutoff after each, and 12 ones among 500 indices an event: what the
goals speak of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.store import Dataset
from zap.datasets.tfexample import decode_visits, encode_visits
from zap.datasets.tfrecord import read_records, write_records
from zap.datasets.visits import InputSpec, Visits
from zap.encoding.columns import SparseRows
from zap.events.mapping import EventMapping
from zap.examples.registry import load_generator
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

LONG_SPEC = InputSpec(
    last=40, event_size=500, event_width=12, metadata_size=60, metadata_width=4
)


@dataclass(frozen=True)
class Input:
    """Examples, and where they came from.

    Attributes:
        name: what the tables call it.
        visits: the examples.
        spec: their shape.
        file: TFRecords that hold them.
        dataset: the dataset that they were read from; None if they were made.
    """

    name: str
    visits: Visits
    spec: InputSpec
    file: Path
    dataset: Dataset | None = None

    def read(self) -> Visits:
        """The examples as they are on the disk, read again."""
        if self.dataset is not None:
            return self.dataset.read("train")
        records = list(read_records(str(self.file), "gzip"))
        return decode_visits(records, [], []).canonical_order()


def shop(events: int, folder: Path) -> Input:
    """The training part of a simulated shop, asked after every page view."""
    simulate(Settings(events=events), folder / "simulated")
    simulated = Folder(folder / "simulated")
    dataset = generate(
        load_generator("simulated_shop"),
        [str(simulated.events)],
        EventMapping.load(simulated.mapping),
        folder / "shop",
        GenerateOptions(check=False),
    )
    visits = dataset.read("train")
    (file, *_) = (Path(dataset.path, part["path"]) for part in dataset.parts("train"))
    return Input("shop", visits, dataset.spec, file, dataset)


def long(visits: int, folder: Path, spec: InputSpec = LONG_SPEC) -> Input:
    """Made visits, written as a file of a dataset and read from there."""
    made = long_visits(visits, spec)
    folder.mkdir(parents=True, exist_ok=True)
    given = Input("long visits", made, spec, folder / "long.tfrecord.gz")
    write_records(str(given.file), encode_visits(made), "gzip")
    return replace(given, visits=given.read())


def long_visits(visits: int, spec: InputSpec, seed: int = 0) -> Visits:
    """Visits of a quarter of ``last`` to ``last`` events, a cutoff after each.

    Few indices are frequent, as in what people do; the label depends on the share of
    events with one of them.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(max(1, spec.last // 4), spec.last + 1, visits)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    events = _rows(rng, int(offsets[-1]), spec.event_size, spec.event_width)
    first = np.repeat(offsets[:-1], lengths)
    stop = np.arange(offsets[-1]) + 1
    frequent = (events.indices == 0).nonzero()[0]
    seen = np.zeros(len(events) + 1)
    seen[np.searchsorted(events.offsets, frequent, "right")] = 1
    seen = np.cumsum(seen)
    share = (seen[stop] - seen[first]) / (stop - first)
    return Visits(
        subject_hash=rng.integers(-(2**62), 2**62, visits),
        event_offsets=offsets,
        events=events,
        cutoff_offsets=offsets,
        start=first,
        stop=stop,
        instant_us=stop * 1_000_000,
        label=(rng.random(len(stop)) < 0.02 + 0.6 * share).astype(np.float32),
        weight=np.ones(len(stop), np.float32),
        metadata=_rows(rng, len(stop), spec.metadata_size, spec.metadata_width),
        statistics={},
        baseline={},
    )


def _rows(rng: np.random.Generator, count: int, size: int, width: int) -> SparseRows:
    """``count`` sparse rows of ``width`` ones, one from each of ``width`` fields."""
    field = size // width
    drawn = np.minimum(rng.pareto(1.0, (count, width)), field - 1).astype(np.int32)
    indices = drawn + field * np.arange(width, dtype=np.int32)
    return SparseRows(
        np.arange(count + 1, dtype=np.int64) * width,
        indices.ravel(),
        np.ones(count * width, np.float32),
    )

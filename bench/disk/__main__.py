"""``python -m bench.disk``: bytes an example, by layout, compression and format.

One question, cut after every page view of a simulated shop. Beside Zap's two layouts
stand the expanded dense form, a tf.Example with the multi-hot vectors of the last 40
events of each cutoff as floats (measured on a sample), and the same visits as Parquet.
"""

from __future__ import annotations

import argparse
import gzip
import io
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.serialize import serialize
from zap.datasets.store import Dataset
from zap.datasets.tfrecord import frame
from zap.datasets.visits import Visits
from zap.encoding.columns import SparseRows
from zap.events.mapping import EventMapping
from zap.examples.registry import load_generator
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

LAYOUTS = ("visits", "instances")
SAMPLE = 500  # examples that are expanded


def made(folder: Path, simulated: Folder, layout: str, compression: str) -> Dataset:
    """A dataset of the simulated events."""
    options = GenerateOptions(layout=layout, compression=compression, check=False)
    return generate(
        load_generator("simulated_shop"),
        [str(simulated.events)],
        EventMapping.load(simulated.mapping),
        folder / f"{layout}-{compression}",
        options,
    )


def stored(dataset: Dataset) -> int:
    """Bytes of the files of the training part."""
    root = Path(dataset.path)
    return sum((root / part["path"]).stat().st_size for part in dataset.parts("train"))


def expanded(dataset: Dataset, visits: Visits) -> Iterator[bytes]:
    """A dense tf.Example for each cutoff of some visits, framed as in a file."""
    spec, last = dataset.spec, dataset.encoder.instance.last
    for cutoff, visit in enumerate(visits.cutoff_visit().tolist()):
        events = np.zeros((last, spec.event_size), np.float32)
        rows = range(visits.start[cutoff], visits.stop[cutoff])
        for step, row in enumerate(rows):
            fill(events[step], visits.events, row)
        metadata = np.zeros(spec.metadata_size, np.float32)
        fill(metadata, visits.metadata, cutoff)
        one = np.array([0, 1])
        columns = {
            "events": (events.ravel(), one * events.size),
            "label": (visits.label[cutoff : cutoff + 1], one),
            "metadata": (metadata, one * metadata.size),
            "subject_hash": (visits.subject_hash[visit : visit + 1], one),
            "weight": (visits.weight[cutoff : cutoff + 1], one),
        }
        yield frame(serialize(columns)[0])


def fill(vector: np.ndarray, sparse: SparseRows, row: int) -> None:
    """A sparse row in its dense form."""
    entries = slice(sparse.offsets[row], sparse.offsets[row + 1])
    vector[sparse.indices[entries]] = sparse.values[entries]


def parquet_bytes(visits: Visits) -> int:
    """Size of the visits as a Parquet file with zstd, a row for each visit."""
    events, cutoffs = visits.event_offsets, visits.cutoff_offsets
    entries = visits.events.offsets[events]
    own = visits.metadata.offsets[cutoffs]
    ragged: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "event_lengths": (np.diff(visits.events.offsets), events),
        "event_indices": (visits.events.indices, entries),
        "event_values": (visits.events.values, entries),
        "start": (visits.start, cutoffs),
        "stop": (visits.stop, cutoffs),
        "instant_us": (visits.instant_us, cutoffs),
        "label": (visits.label, cutoffs),
        "weight": (visits.weight, cutoffs),
        "metadata_lengths": (np.diff(visits.metadata.offsets), cutoffs),
        "metadata_indices": (visits.metadata.indices, own),
        "metadata_values": (visits.metadata.values, own),
    }
    for group in (visits.statistics, visits.baseline, visits.moment):
        ragged |= {name: (column, cutoffs) for name, column in group.items()}
    lists = {
        name: pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
        for name, (values, offsets) in ragged.items()
    }
    table = pa.table({"subject_hash": pa.array(visits.subject_hash), **lists})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.tell()


def table_of(rows: Sequence[tuple[str, float]], reference: float) -> str:
    """The table in Markdown; each form beside the expanded one."""
    lines = [
        "| form | bytes an example | of the expanded form |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {n} | {b:,.1f} | {b / reference:.4f} |" for n, b in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure all forms and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.disk")
    parser.add_argument("--events", type=int, default=300_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(Settings(events=args.events), folder / "simulated")
        simulated = Folder(folder / "simulated")
        rows = []
        for layout in LAYOUTS:
            for compression in ("none", "gzip"):
                dataset = made(folder, simulated, layout, compression)
                examples = dataset.manifest["splits"]["train"]["examples"]
                rows.append((f"{layout}, {compression}", stored(dataset) / examples))
        dataset = Dataset.open(folder / "visits-none")
        visits = dataset.read("train")
        rows.append(("visits as Parquet, zstd", parquet_bytes(visits) / visits.cutoffs))
        some = visits.take_visits(np.arange(len(visits)) % (len(visits) // 60) == 0)
        records = list(itertools.islice(expanded(dataset, some), SAMPLE))
    dense = sum(map(len, records)) / len(records)
    packed = len(gzip.compress(b"".join(records), 5)) / len(records)
    rows += [("expanded, dense", dense), ("expanded, dense, gzip", packed)]
    print(f"{visits.cutoffs:,} examples of {len(visits):,} visits\n")
    print(table_of(rows, dense))


if __name__ == "__main__":
    main()

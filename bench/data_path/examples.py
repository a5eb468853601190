"""The examples that a contestant wrote, in one form whoever it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zap.datasets.splits import SPLITS
from zap.datasets.store import COMPLETED, Dataset
from zap.datasets.tfrecord import read_records
from zap.datasets.visits import concatenate
from zap.encoding.columns import Float32Array, IntArray, SparseRows
from zap.histories.subjects import subject_hash

STATISTICS = ("pages", "seconds")


@dataclass(frozen=True)
class Examples:
    """Examples as flat arrays.

    Attributes:
        subject: int64, shape (examples,): the hash of the visitor's name.
        instant_us: int64, shape (examples,).
        events: the encoded events of all visitors.
        start: int64, shape (examples,): first row of ``events`` of the window.
        stop: int64, shape (examples,): one past the last row.
        metadata: a sparse vector for each example.
        columns: float32 columns of shape (examples,): label and statistics.
    """

    subject: IntArray
    instant_us: IntArray
    events: SparseRows
    start: IntArray
    stop: IntArray
    metadata: SparseRows
    columns: Mapping[str, Float32Array]

    def __len__(self) -> int:
        return len(self.subject)


def read_examples(folder: Path) -> Examples:
    """The examples in a folder of Zap, of a script or of the per-event pipeline."""
    if (folder / COMPLETED).exists():
        return read_zap(folder)
    if list(folder.glob("*.tfrecord*")):
        return read_tfrecords(folder)
    return read_script(folder)


def read_zap(folder: Path) -> Examples:
    """The examples of a dataset of Zap."""
    dataset = Dataset.open(folder)
    parts = [dataset.read(name) for name in SPLITS if dataset.parts(name)]
    visits = concatenate([part.without_sources() for part in parts])
    return Examples(
        subject=visits.subjects_of_cutoffs(),
        instant_us=visits.instant_us,
        events=visits.events,
        start=visits.start,
        stop=visits.stop,
        metadata=visits.metadata,
        columns={"label": visits.label, **visits.statistics},
    )


def read_script(folder: Path) -> Examples:
    """The examples of a script: a row for each visitor in ``train.parquet`` and so on.

    Raises:
        ValueError: the manifest counts others.
    """
    table = pa.concat_tables(pq.read_table(folder / f"{s}.parquet") for s in SPLITS)
    names, counts = table.column("visitor").to_pylist(), _Ragged.of(table, "instant_ms")
    events, indices = _Ragged.of(table, "event_indices").inner()
    _, values = _Ragged.of(table, "event_values").inner()
    _, metadata = _Ragged.of(table, "metadata_indices").inner()
    told = json.loads((folder / "manifest.json").read_text())
    said = sum(told[f"examples.{name}"] for name in SPLITS)
    found = int(counts.offsets[-1])
    if said != found:
        raise ValueError(
            "Expected as many examples as the manifest counts. "
            f"Received: manifest={said}, files={found}."
        )
    hashes = np.array([subject_hash(name) for name in names], np.int64)
    rows = np.diff(counts.offsets)
    first = np.repeat(events[:-1], rows)
    flat = {
        name: _Ragged.of(table, name).flat.to_numpy()
        for name in ("cutoff_start", "cutoff_stop", "label", *STATISTICS)
    }
    return Examples(
        subject=np.repeat(hashes, rows),
        instant_us=counts.flat.to_numpy().astype(np.int64) * 1000,
        events=SparseRows(indices.offsets, indices.numbers(), values.flat.to_numpy()),
        start=first + flat["cutoff_start"],
        stop=first + flat["cutoff_stop"],
        metadata=_ones(metadata),
        columns={name: flat[name] for name in ("label", *STATISTICS)},
    )


def read_tfrecords(folder: Path) -> Examples:
    """The examples of the per-event pipeline: one record each."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    paths = sorted(folder.glob("*.tfrecord*"))
    records = [each for path in paths for each in read_records(str(path), "none")]
    table = pa.Table.from_batches([ExamplesToRecordBatchDecoder().DecodeBatch(records)])
    lengths, entries = _Ragged.of(table, "event_lengths"), "event_indices"
    per_event = lengths.flat.to_numpy()
    metadata = _Ragged.of(table, "metadata_indices")
    single = {
        name: _Ragged.of(table, name).flat.to_numpy()
        for name in ("instant_us", "label", *STATISTICS)
    }
    names = _Ragged.of(table, "visitor").flat.to_pylist()
    hashes = {name: subject_hash(name.decode()) for name in set(names)}
    found = Examples(
        subject=np.array([hashes[name] for name in names], np.int64),
        instant_us=single["instant_us"],
        events=SparseRows(
            np.append(0, np.cumsum(per_event)),
            _Ragged.of(table, entries).numbers(),
            _Ragged.of(table, "event_values").flat.to_numpy(),
        ),
        start=lengths.offsets[:-1],
        stop=lengths.offsets[1:],
        metadata=_ones(metadata),
        columns={name: single[name] for name in ("label", *STATISTICS)},
    )
    return found


@dataclass(frozen=True)
class _Ragged:
    """A column of lists: int64 offsets, and what the lists hold, flat."""

    offsets: IntArray
    flat: pa.Array

    @classmethod
    def of(cls, table: pa.Table, name: str) -> _Ragged:
        column = table.column(name)
        whole = pa.concat_arrays(column.chunks) if column.num_chunks else column
        return cls._of_array(whole)

    @classmethod
    def _of_array(cls, lists: pa.Array) -> _Ragged:
        offsets = lists.offsets.to_numpy().astype(np.int64)
        return cls(offsets - offsets[0], lists.flatten())

    def inner(self) -> tuple[IntArray, _Ragged]:
        """The offsets of lists of lists, and the lists in them."""
        return self.offsets, self._of_array(self.flat)

    def numbers(self) -> NDArray[np.int32]:
        """What the lists hold as places of a vector."""
        return self.flat.to_numpy().astype(np.int32)


def _ones(rows: _Ragged) -> SparseRows:
    ones = np.ones(len(rows.flat), np.float32)
    return SparseRows(rows.offsets, rows.numbers(), ones)

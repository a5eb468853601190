"""Visits as tf.Examples and back, through tfx-bsl's Arrow codec.

One tf.Example holds one visit: its events once, and its cutoffs as ragged columns. All
features are there in every record, so that plain ``tf.data`` reads them with a fixed
specification (``docs/dataset.md``). Changing a name or a type here makes old datasets
unreadable: raise ``FORMAT_VERSION``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from zap.datasets.serialize import serialize
from zap.datasets.visits import Visits, concatenate
from zap.encoding.columns import IntArray, SparseRows

FORMAT_VERSION = 2
STATISTICS, BASELINE = "statistics/", "baseline/"
MOMENT = "moment/"
RECORDS_A_BATCH = 4_096

INT_FEATURES = (
    "subject_hash",
    "event_lengths",
    "event_indices",
    "event_sources",
    "cutoff_start",
    "cutoff_stop",
    "instant_us",
    "metadata_lengths",
    "metadata_indices",
    "metadata_sources",
)
FLOAT_FEATURES = ("event_values", "label", "weight", "metadata_values")


def feature_names(
    statistics: Sequence[str], baseline: Sequence[str], moment: Sequence[str] = ()
) -> dict[str, pa.DataType]:
    """All features of a record and the type of their values, in a fixed order."""
    kinds = dict.fromkeys(INT_FEATURES, pa.int64())
    kinds |= dict.fromkeys(FLOAT_FEATURES, pa.float32())
    kinds |= {f"{STATISTICS}{name}": pa.float32() for name in sorted(statistics)}
    kinds |= {f"{BASELINE}{name}": pa.float32() for name in sorted(baseline)}
    kinds |= {f"{MOMENT}{name}": pa.float32() for name in sorted(moment)}
    return dict(sorted(kinds.items()))


def encode_visits(visits: Visits) -> list[bytes]:
    """The visits as serialized tf.Examples, one each, in their order."""
    if not len(visits):
        return []
    columns = _ragged_columns(visits)
    return serialize({name: columns[name] for name in sorted(columns)})


def decode_visits(
    records: Sequence[bytes],
    statistics: Sequence[str],
    baseline: Sequence[str],
    moment: Sequence[str] = (),
) -> Visits:
    """The visits that ``encode_visits`` wrote; at least one record is needed."""
    kinds = feature_names(statistics, baseline, moment)
    decoder = example_coder.ExamplesToRecordBatchDecoder(_schema(kinds))
    parts = [
        _visits_of(decoder.DecodeBatch(list(records[i : i + RECORDS_A_BATCH])), kinds)
        for i in range(0, len(records), RECORDS_A_BATCH)
    ]
    return concatenate(parts)


def _ragged_columns(visits: Visits) -> dict[str, tuple[Any, IntArray]]:
    """Values and offsets by visit of every feature."""
    one = np.arange(len(visits) + 1)
    events, cutoffs = visits.event_offsets, visits.cutoff_offsets
    entries = visits.events.offsets[events]
    metadata = visits.metadata.offsets[cutoffs]
    first = np.repeat(events[:-1], np.diff(cutoffs))
    columns: dict[str, tuple[Any, IntArray]] = {
        "subject_hash": (visits.subject_hash, one),
        "event_lengths": (np.diff(visits.events.offsets), events),
        "event_indices": (visits.events.indices, entries),
        "event_values": (visits.events.values, entries),
        "event_sources": _optional(visits.events.sources, entries),
        "cutoff_start": (visits.start - first, cutoffs),
        "cutoff_stop": (visits.stop - first, cutoffs),
        "instant_us": (visits.instant_us, cutoffs),
        "label": (visits.label, cutoffs),
        "weight": (visits.weight, cutoffs),
        "metadata_lengths": (np.diff(visits.metadata.offsets), cutoffs),
        "metadata_indices": (visits.metadata.indices, metadata),
        "metadata_values": (visits.metadata.values, metadata),
        "metadata_sources": _optional(visits.metadata.sources, metadata),
    }
    for name, column in visits.statistics.items():
        columns[f"{STATISTICS}{name}"] = (column, cutoffs)
    for name, column in visits.baseline.items():
        columns[f"{BASELINE}{name}"] = (column, cutoffs)
    for name, column in visits.moment.items():
        columns[f"{MOMENT}{name}"] = (column, cutoffs)
    return columns


def _optional(values: IntArray | None, offsets: IntArray) -> tuple[Any, IntArray]:
    """A column that may not be there: then its lists are empty."""
    if values is None:
        return np.zeros(0, np.int64), np.zeros_like(offsets)
    return values, offsets


def _schema(kinds: Mapping[str, pa.DataType]) -> bytes:
    schema = schema_pb2.Schema()
    for name, kind in kinds.items():
        whole = pa.types.is_integer(kind)
        schema.feature.add(
            name=name, type=schema_pb2.INT if whole else schema_pb2.FLOAT
        )
    return bytes(schema.SerializeToString())


def _visits_of(batch: pa.RecordBatch, kinds: Mapping[str, pa.DataType]) -> Visits:
    values: dict[str, Any] = {}
    offsets: dict[str, IntArray] = {}
    for name in kinds:
        column = batch.column(batch.schema.get_field_index(name))
        # A record without values for a feature decodes as null: an empty list.
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        offsets[name] = _offsets(np.asarray(lengths))
        values[name] = np.asarray(column.flatten())
    events, cutoffs = offsets["event_lengths"], offsets["cutoff_start"]
    first = np.repeat(events[:-1], np.diff(cutoffs))
    return Visits(
        subject_hash=values["subject_hash"],
        event_offsets=events,
        events=_sparse(values, "event"),
        cutoff_offsets=cutoffs,
        start=values["cutoff_start"] + first,
        stop=values["cutoff_stop"] + first,
        instant_us=values["instant_us"],
        label=values["label"],
        weight=values["weight"],
        metadata=_sparse(values, "metadata"),
        statistics=_prefixed(values, STATISTICS),
        baseline=_prefixed(values, BASELINE),
        moment=_prefixed(values, MOMENT),
    )


def _offsets(lengths: Any) -> IntArray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))


def _sparse(values: Mapping[str, Any], what: str) -> SparseRows:
    indices, sources = values[f"{what}_indices"], values[f"{what}_sources"]
    return SparseRows(
        _offsets(values[f"{what}_lengths"]),
        indices.astype(np.int32),
        values[f"{what}_values"].astype(np.float32),
        sources if len(sources) == len(indices) else None,
    )


def _prefixed(values: Mapping[str, Any], beginning: str) -> dict[str, Any]:
    return {
        name.removeprefix(beginning): column
        for name, column in values.items()
        if name.startswith(beginning)
    }

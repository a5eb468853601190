"""Visits as tf.Examples: round trips, fixed bytes, and other readers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_visits import examples_of, made_visits
from tfx_bsl.coders import example_coder

from zap.datasets.tfexample import (
    FLOAT_FEATURES,
    FORMAT_VERSION,
    INT_FEATURES,
    RECORDS_A_BATCH,
    decode_visits,
    encode_visits,
    feature_names,
)
from zap.datasets.visits import Visits

STATISTICS, BASELINE, MOMENT = ["pages"], ["age_seconds", "events"], ["position"]
# Changing what a record holds needs another FORMAT_VERSION, and then another digest.
GOLDEN = {2: "083193425aac0c54f0b2665d95e6fe0a6a30ac8b273268651a286083ce7d2586"}


def decoded(records: list[bytes]) -> Visits:
    return decode_visits(records, STATISTICS, BASELINE, MOMENT)


def assert_equal(one: Visits, two: Visits) -> None:
    assert examples_of(one) == examples_of(two)
    assert one.subject_hash.tolist() == two.subject_hash.tolist()
    assert one.event_offsets.tolist() == two.event_offsets.tolist()
    assert one.events.offsets.tolist() == two.events.offsets.tolist()
    assert one.events.indices.tolist() == two.events.indices.tolist()
    assert one.events.values.tolist() == two.events.values.tolist()
    assert one.start.tolist() == two.start.tolist()


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_round_trip(visits: int, seed: int, most: int) -> None:
    made = made_visits(visits, seed, most)
    found = decoded(encode_visits(made))
    assert_equal(made, found)
    assert found.events.indices.dtype == np.int32
    assert found.label.dtype == found.weight.dtype == np.float32


def test_what_made_each_entry_survives_where_it_is_known() -> None:
    made = made_visits(5, seed=6)
    events = np.arange(len(made.events.indices)) % 7
    known = replace(made, events=replace(made.events, sources=events))
    found = decoded(encode_visits(known))
    assert found.events.sources is not None and found.metadata.sources is None
    assert found.events.sources.tolist() == events.tolist()
    assert decoded(encode_visits(known.without_sources())).events.sources is None


def test_round_trip_over_more_than_one_batch() -> None:
    made = made_visits(RECORDS_A_BATCH + 3, seed=1, most=2)
    assert_equal(made, decoded(encode_visits(made)))


def test_extreme_numbers_survive() -> None:
    made = made_visits(3, seed=2)
    made.subject_hash[:2] = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    made.label[0] = np.finfo(np.float32).max
    assert_equal(made, decoded(encode_visits(made)))


def test_no_visits_are_no_records() -> None:
    assert encode_visits(made_visits(1).take_visits(np.array([], np.int64))) == []


def test_a_record_has_all_features_in_the_order_of_their_names() -> None:
    names = [name.encode() for name in feature_names(STATISTICS, BASELINE, MOMENT)]
    assert names == sorted(names)
    for record in encode_visits(made_visits(20, seed=3)):
        keys = [b"\n%c%s\x12" % (len(name), name) for name in names]
        places = [record.find(key) for key in keys]
        assert -1 not in places and places == sorted(places)


GOLDEN_PROGRAM = """
import hashlib, sys
sys.path.append(sys.argv[1])
from made_visits import made_visits
from zap.datasets.tfexample import encode_visits
print(hashlib.sha256(b"".join(encode_visits(made_visits(20, seed=4)))).hexdigest())
"""


def test_bytes_are_those_of_the_format_in_this_and_another_process() -> None:
    here = hashlib.sha256(b"".join(encode_visits(made_visits(20, seed=4))))
    assert here.hexdigest() == GOLDEN[FORMAT_VERSION]
    sites = Path(__file__).parents[1] / "sites"
    there = subprocess.run(
        [sys.executable, "-c", GOLDEN_PROGRAM, str(sites)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == GOLDEN[FORMAT_VERSION]


def test_the_layout_of_columns_in_memory_does_not_reach_the_bytes() -> None:
    made = made_visits(9, seed=5)
    strided = replace(made, label=np.repeat(made.label, 2)[::2])
    assert encode_visits(strided) == encode_visits(made)


def test_tf_data_reads_what_was_written() -> None:
    tf = pytest.importorskip("tensorflow")
    made = made_visits(8, seed=6)
    kinds = dict.fromkeys(INT_FEATURES, tf.int64)
    kinds |= dict.fromkeys(FLOAT_FEATURES, tf.float32)
    kinds |= {"statistics/pages": tf.float32, "baseline/events": tf.float32}
    kinds |= {"moment/position": tf.float32}
    ragged = {name: tf.io.RaggedFeature(kind) for name, kind in kinds.items()}
    sparse = {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
    records = tf.constant(encode_visits(made))
    found = tf.io.parse_example(records, ragged)
    thin = tf.io.parse_example(records, sparse)
    for name in kinds:
        dense = tf.RaggedTensor.from_sparse(thin[name])
        assert dense.to_list() == found[name].to_list(), name
    assert set(found["event_lengths"].row_lengths().numpy()) != {0}
    for visit in range(8):
        one = {name: found[name][visit].numpy() for name in kinds}
        assert examples_of(visit_of(one)) == examples_of(
            replace(
                made.take_visits(np.array([visit])),
                baseline={"events": one["baseline/events"]},
            )
        )


def visit_of(one: dict[str, np.ndarray]) -> Visits:
    """A visit made by hand of the plain values of one record."""
    from zap.encoding.columns import SparseRows

    def offsets(lengths: np.ndarray) -> np.ndarray:
        return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)

    return Visits(
        subject_hash=one["subject_hash"],
        event_offsets=np.array([0, len(one["event_lengths"])]),
        events=SparseRows(
            offsets(one["event_lengths"]), one["event_indices"], one["event_values"]
        ),
        cutoff_offsets=np.array([0, len(one["label"])]),
        start=one["cutoff_start"],
        stop=one["cutoff_stop"],
        instant_us=one["instant_us"],
        label=one["label"],
        weight=one["weight"],
        metadata=SparseRows(
            offsets(one["metadata_lengths"]),
            one["metadata_indices"],
            one["metadata_values"],
        ),
        statistics={"pages": one["statistics/pages"]},
        baseline={"events": one["baseline/events"]},
        moment={"position": one["moment/position"]},
    )


def test_tfx_bsl_reads_what_was_written() -> None:
    made = made_visits(8, seed=7)
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    batch = decoder.DecodeBatch(encode_visits(made))
    assert set(batch.schema.names) == set(feature_names(STATISTICS, BASELINE, MOMENT))
    labels = batch.column(batch.schema.get_field_index("label")).to_pylist()
    first = made.cutoff_offsets
    assert labels == [
        made.label[first[i] : first[i + 1]].tolist() for i in range(len(made))
    ]
    hashes = batch.column(batch.schema.get_field_index("subject_hash")).to_pylist()
    assert hashes == [[each] for each in made.subject_hash.tolist()]


def test_decoding_needs_no_other_import(tmp_path: Path) -> None:
    """A program that only reads a dataset has imported nothing else of Zap."""
    program = (
        "import sys; from zap.datasets.tfexample import decode_visits; "
        "record = open(sys.argv[1], 'rb').read(); "
        "print(len(decode_visits([record], ['pages'], ['age_seconds', 'events'])))"
    )
    path = tmp_path / "record"
    path.write_bytes(encode_visits(made_visits(1))[0])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr

"""Batches cut by shard and put together again."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zap.beam import shuffle
from zap.beam.shuffle import key_by_shard, to_bytes, to_table
from zap.histories.build import subject_hash

names = st.one_of(st.none(), st.sampled_from(["a", "b", "", "z" * 50, "é", "\x00"]))


def batch_of(subjects: list[str | None]) -> pa.RecordBatch:
    rows = pa.array(range(len(subjects)), pa.int64())
    times = rows.cast(pa.timestamp("us", "UTC"))
    return pa.RecordBatch.from_arrays(
        [pa.array(subjects, pa.string()), rows, times], ["who", "row", "timestamp"]
    )


@given(st.lists(names, max_size=40), st.integers(1, 9))
def test_every_row_with_a_subject_goes_to_its_shard_once(subjects, shards) -> None:
    batch, found = batch_of(subjects), {}
    for shard, piece in key_by_shard(batch, "who", shards):
        table = to_table([piece])
        assert table.schema == batch.schema
        assert shard not in found
        found[shard] = table.to_pylist()
    expected: dict[int, list] = {}
    for row in batch.to_pylist():
        if row["who"] is not None:
            shard = subject_hash(row["who"]) % shards
            expected.setdefault(shard, []).append(row)
    assert found == expected


def test_large_pieces_are_cut(monkeypatch) -> None:
    monkeypatch.setattr(shuffle, "MOST_ROWS", 3)
    batch = batch_of(["a"] * 8)
    pieces = [piece for _, piece in key_by_shard(batch, "who", 1)]
    assert [to_table([piece]).num_rows for piece in pieces] == [3, 3, 2]
    assert to_table(pieces).to_pylist() == batch.to_pylist()


def test_pieces_are_compressed() -> None:
    batch = batch_of(["somebody"] * 10_000)
    assert len(to_bytes(batch)) < batch.nbytes / 5

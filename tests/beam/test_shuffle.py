"""Batches cut by shard and put together again."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zap.beam import shuffle
from zap.beam.shuffle import KeyByShard, Place, key_by_shard, to_bytes, to_table
from zap.events.coded import encoded
from zap.histories.subjects import subject_hash

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


def test_each_cut_goes_by_another_hash() -> None:
    batch = batch_of([f"visitor {i}" for i in range(4_000)])
    (_, first), *_ = key_by_shard(batch, "who", 8)
    rows = to_table([first])
    again = dict(key_by_shard(rows.to_batches()[0], "who", 8, again=1))
    assert sorted(again) == list(range(8))
    assert all(30 < to_table([piece]).num_rows < 100 for piece in again.values())
    found = [row for piece in again.values() for row in to_table([piece])["row"]]
    assert sorted(row.as_py() for row in found) == rows["row"].to_pylist()


def test_pieces_are_compressed() -> None:
    batch = batch_of(["somebody"] * 10_000)
    assert len(to_bytes(batch)) < batch.nbytes / 2


def keyed(step: KeyByShard, batches: list[pa.RecordBatch]) -> list[tuple]:
    step.start_bundle()
    found = [each for batch in batches for each in step.process(batch)]
    return [*found, *(each.value for each in step.finish_bundle())]


@given(st.lists(st.lists(names, min_size=1, max_size=10), max_size=6), st.booleans())
def test_batches_held_together_give_the_rows_of_each(
    tmp_path_factory, subjects: list, spill: bool
) -> None:
    batches = []
    for number, part in enumerate(subjects):
        who, row, time = batch_of(part).columns
        # Each batch has codes of its own.
        row = pa.array(row.to_numpy() + 1000 * number)
        columns = [encoded(who), row, time]
        batches.append(pa.RecordBatch.from_arrays(columns, ["who", "row", "timestamp"]))
    folder = str(tmp_path_factory.mktemp("spill")) if spill else None
    found = keyed(KeyByShard("who", 3, 1_000, folder), batches)
    assert all(isinstance(piece, Place) == spill for _, piece in found)
    rows = [(k, row) for k, piece in found for row in to_table([piece]).to_pylist()]
    expected = [
        (subject_hash(row["who"]) % 3, row)
        for batch in batches
        for row in batch.to_pylist()
        if row["who"] is not None
    ]
    assert sorted(rows, key=str) == sorted(expected, key=str)
    assert to_table([p for _, p in found]).num_rows == len(rows) if found else True


def test_pieces_are_cut_once_there_are_rows_enough(monkeypatch) -> None:
    monkeypatch.setattr(shuffle, "LIKELY_ROWS", 5)
    step = KeyByShard("who", 2, 1_000)
    step.start_bundle()
    sizes = [len(list(step.process(batch_of(["a", "b", "c"])))) for _ in range(8)]
    assert [bool(size) for size in sizes] == [False, False, False, True] * 2
    assert not list(step.finish_bundle())


def test_rows_beyond_what_a_subject_may_have_stay_where_they_were_read() -> None:
    schema = pa.schema([("who", pa.string()), ("type", pa.string())])
    rows = pa.table({"who": ["a"] * 200 + ["b"] * 3, "type": ["view"] * 203})
    batch = rows.cast(schema).combine_chunks().to_batches()[0]
    step = KeyByShard("who", 1, 100)
    step.start_bundle()
    tagged = [each for _ in range(2) for each in step.process(batch)]
    [(_, piece)] = [each.value for each in step.finish_bundle()]
    who = to_table([piece]).column("who").to_pylist()
    assert (who.count("a"), who.count("b")) == (101, 6)
    withheld = sum(each.value["events.dropped.max_subject_events"] for each in tagged)
    assert withheld == 2 * 200 - 101

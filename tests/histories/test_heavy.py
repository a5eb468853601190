"""Rows that are withheld change nothing, however the input is cut."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.events.mapping import EventMapping
from zap.histories import heavy
from zap.histories.build import HistorySettings, build_histories
from zap.histories.heavy import HeavySubjects
from zap.histories.selection import BOT

PLAIN = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})
FOLDING = EventMapping.from_dict(
    {
        "row_group_key": "invoice",
        "fields": {"timestamp": "t", "type": "e"},
        "properties": {"uid": {"column": "u", "type": "int", "fold": "sum"}},
    }
)
KINDS = [
    ("x", None),
    ("x", None),
    ("y", "crawler"),
    ("x", "rule.fast"),
    ("dimension.plan", None),
    ("dimension.plan", "missing_agent"),
]


def made(seed: int, most: int) -> pa.Table:
    """Some heavy subjects among light ones; rows in any order."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(rng.randrange(8)):
        who = rng.choice(["a", "b", "c", "d", "e", None])
        kind = rng.choice(KINDS)
        for _ in range(rng.choice([1, most, most + 1, 3 * most + 2])):
            rows.append({"who": who, "kind": kind, "group": f"g{number % 2}"})
    rng.shuffle(rows)
    place = range(len(rows))
    return pa.table(
        {
            "who": pa.array([row["who"] for row in rows], pa.string()),
            "type": pa.array([row["kind"][0] for row in rows], pa.string()),
            BOT: pa.array([row["kind"][1] for row in rows], pa.string()),
            "uid": pa.array(place, pa.int64()),
            "timestamp": pa.array(
                [rng.randrange(50) * 1_000_000 for _ in rows], pa.timestamp("us", "UTC")
            ),
            "received_at": pa.nulls(len(rows), pa.timestamp("us", "UTC")),
            "sequence": pa.nulls(len(rows), pa.int64()),
            "event_id": pa.nulls(len(rows), pa.string()),
            "group": pa.array([row["group"] for row in rows], pa.string()),
            "source": pa.array(["s"] * len(rows), pa.string()),
            "row": pa.array(place, pa.int64()),
        }
    )


def streams(table: pa.Table, rng: random.Random) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows dealt out to readers, and cut into batches."""
    readers = rng.randint(1, 3)
    dealt = [rng.randrange(readers) for _ in range(table.num_rows)]
    for reader in range(readers):
        rows = [place for place, which in enumerate(dealt) if which == reader]
        own = table.take(pa.array(rows, pa.int64()))
        if own.num_rows:
            size = rng.randint(1, own.num_rows)
            yield iter(own.combine_chunks().to_batches(size))


def facts(table: pa.Table, limits: HistorySettings, mapping: EventMapping) -> Any:
    """What histories of the rows hold, the counts, and who was flagged."""
    flagged: dict[str, str] = {}
    batch, counts = build_histories(table, limits, {"uid", "type"}, mapping, flagged)
    held = (batch.subject, batch.offsets.tolist(), batch.time_us.tolist())
    return (*held, batch.columns["uid"].values.tolist()), +counts, flagged


@settings(max_examples=150)
@given(seed=st.integers(0, 10**6), most=st.sampled_from([1, 4, 9]), fold=st.booleans())
@pytest.mark.parametrize("frequent", [1, 3])
def test_withholding_changes_neither_histories_nor_counts(
    seed: int, most: int, fold: bool, frequent: int
) -> None:
    rng, table = random.Random(seed), made(seed, most)
    limits = HistorySettings(subject="who", max_subject_events=most)
    mapping = FOLDING if fold else PLAIN
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heavy, "FREQUENT", frequent)
        withheld: Counter[str] = Counter()
        arrived = [table.schema.empty_table()]
        for stream in streams(table, rng):
            reader = HeavySubjects("who", most)
            for batch in stream:
                passed, counts = reader.pass_on(batch)
                withheld += counts
                arrived.append(pa.Table.from_batches([passed]))
        rng.shuffle(arrived)
        shard = HeavySubjects("who", most)
        left = [shard.pass_on(piece) for piece in arrived]
        kept = pa.concat_tables(piece for piece, _ in left)
        withheld += sum((counts for _, counts in left), Counter[str]())
    assert kept.num_rows + withheld.total() == table.num_rows
    histories, counts, flagged = facts(kept, limits, mapping)
    expected, all_counts, all_flagged = facts(table, limits, mapping)
    assert histories == expected
    assert +(counts + withheld) == all_counts
    assert flagged == all_flagged
    # As the variant with_bots sees them: no flag takes anything out.
    seen, everything = (t.drop_columns([BOT]) for t in (kept, table))
    assert facts(seen, limits, mapping)[0] == facts(everything, limits, mapping)[0]


@given(seed=st.integers(0, 10**6), most=st.sampled_from([1, 4, 9]))
def test_of_each_kind_one_more_than_the_limit_passes(seed: int, most: int) -> None:
    table = made(seed, most).drop_columns([BOT])
    expected: Counter[tuple[str | None, bool]] = Counter()
    kept = []
    for row in table.to_pylist():
        kind = (row["who"], row["type"].startswith("dimension."))
        expected[kind] += 1
        if expected[kind] <= most + 1 or row["who"] is None:
            kept.append(row["uid"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heavy, "FREQUENT", 1)
        reader = HeavySubjects("who", most)
        passed = [reader.pass_on(b)[0] for b in table.to_batches(7)]
    assert [uid for batch in passed for uid in batch.column("uid").to_pylist()] == kept


def test_who_is_rare_in_a_batch_is_not_counted_until_it_is_over() -> None:
    def batch(rows: int) -> pa.RecordBatch:
        return pa.record_batch({"who": ["a"] * rows, "type": ["x"] * rows})

    reader = HeavySubjects("who", 100)
    rare = heavy.FREQUENT - 1
    for _ in range(9):
        assert reader.pass_on(batch(rare))[0].num_rows == rare
    assert reader.pass_on(batch(90))[0].num_rows == 90
    passed, counts = reader.pass_on(batch(90))
    assert passed.num_rows == 11
    assert counts == {"events.dropped.max_subject_events": 79}
    assert reader.pass_on(batch(1))[0].num_rows == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "COUNTED", 10)
    monkeypatch.setattr(heavy, "FREQUENT", 2)
    reader = HeavySubjects("who", 5)
    for start in range(0, 1_000, 7):
        names = [f"s{n}" for n in range(start, start + 7)] * 2 + ["big"] * 3
        batch = pa.record_batch({"who": names, "type": ["x"] * len(names)})
        passed, counts = reader.pass_on(batch)
        assert passed.num_rows + counts.total() == len(names)
        assert len(reader._passed) <= 10
    assert passed.num_rows == 14, "the largest subject is not forgotten"

"""Fields taken from other instances: as if the raw column had been moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_visits import made_visits
from sklearn.metrics import log_loss, roc_auc_score

from zap.datasets.visits import Visits
from zap.encoding.columns import Categorical, Column, Numeric, SparseRows
from zap.encoding.entries import Entries
from zap.encoding.features import Feature, Hash, Normalize, OneHot, PowerBins
from zap.encoding.layout import Layout
from zap.evaluation.importance import (
    Field,
    fields_of,
    importance,
    some_subjects,
    with_field_of,
)

FEATURES: list[Feature] = [
    Hash("page"),
    OneHot("size", 1, 3),
    Hash("tags", limit=3),
    PowerBins("amount", 1, 2, 9, 4, smooth=True),
    Hash("page"),
    Normalize("share", 0, 1),
]
LAYOUT = Layout(FEATURES, 4, 1, [2])  # four buckets: most strings collide


def columns_of(rng: np.random.Generator, rows: int) -> list[Column]:
    """A column for each of ``FEATURES``, with missing values."""
    texts = ["a", "b", "c", "d", "e"]
    several = [("a", "b"), ("c",), ("b", "e", "d"), ("a", "a")]

    def codes(count: int) -> Any:
        return rng.integers(-1, count, rows).astype(np.int32)

    def numbers(high: float) -> Numeric:
        values = rng.uniform(0, high, rows)
        return Numeric(np.where(rng.random(rows) < 0.2, np.nan, values))

    return [
        Categorical(codes(5), texts),
        numbers(4),
        Categorical(codes(4), several),
        numbers(12),
        Categorical(codes(5), texts),
        numbers(1),
    ]


def filled(columns: list[Column], further: Entries, rows: int) -> SparseRows:
    pairs = list(zip(FEATURES, columns, strict=True))
    return LAYOUT.fill(pairs, rows, [further], with_sources=True)


def listed(rows: SparseRows) -> list[list[Any]]:
    assert rows.sources is not None
    return [
        rows.offsets.tolist(),
        rows.indices.tolist(),
        rows.values.tolist(),
        rows.sources.tolist(),
    ]


@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(1, 127))
def test_moved_entries_are_those_of_the_moved_columns(
    seed: int, rows: int, mask: int
) -> None:
    rng = np.random.default_rng(seed)
    columns, donors = columns_of(rng, rows), rng.permutation(rows)
    chosen = np.sort(rng.choice(rows, rows // 2, replace=False))
    further = Entries(chosen, rng.integers(0, 2, len(chosen)))
    moved: list[Column] = [
        column.take(donors) if mask >> bit & 1 else column
        for bit, column in enumerate(columns)
    ]
    moved_further = further
    if mask >> len(FEATURES) & 1:
        place = dict(zip(further.rows.tolist(), further.places.tolist(), strict=True))
        has = np.array([int(d) in place for d in donors], bool)
        taken = np.array([place[int(d)] for d in donors[has]], np.int64)
        moved_further = Entries(np.flatnonzero(has), taken)

    wanted = filled(moved, moved_further, rows)
    found = with_field_of(filled(columns, further, rows), mask, donors)

    assert listed(found) == listed(wanted)


def test_sources_name_every_field_that_made_an_entry() -> None:
    columns: list[Column] = [
        Categorical(np.array([0], np.int32), ["a"]),
        Numeric(np.array([2.0])),
        Categorical(np.array([-1], np.int32), ["a"]),
        Numeric(np.array([np.nan])),
        Categorical(np.array([0], np.int32), ["a"]),
        Numeric(np.array([0.5])),
    ]
    further = Entries(np.array([0]), np.array([1]))
    rows = filled(columns, further, 1)
    # Both "page" fields light one bucket; then size, share, the further block.
    assert rows.sources is not None
    assert rows.sources.tolist() == [0b10001, 0b10, 0b100000, 0b1000000]


def test_entries_are_the_same_with_and_without_sources() -> None:
    columns = columns_of(np.random.default_rng(3), 50)
    further = Entries(np.arange(50), np.zeros(50, np.int64))
    pairs = list(zip(FEATURES, columns, strict=True))
    plain = LAYOUT.fill(pairs, 50, [further])
    assert plain.sources is None
    assert listed(filled(columns, further, 50))[:3] == [
        plain.offsets.tolist(),
        plain.indices.tolist(),
        plain.values.tolist(),
    ]


def with_made_sources(visits: Visits) -> Visits:
    """The visits; the first field made entries below 5, the second the others."""

    def sourced(rows: SparseRows) -> SparseRows:
        return replace(rows, sources=np.where(rows.indices < 5, 1, 2).astype(np.int64))

    return replace(
        visits, events=sourced(visits.events), metadata=sourced(visits.metadata)
    )


def first_field_score(visits: Visits) -> Any:
    """Probabilities that follow the first field of the metadata, and nothing else."""
    total = np.zeros(visits.cutoffs)
    rows = np.repeat(np.arange(visits.cutoffs), np.diff(visits.metadata.offsets))
    low = visits.metadata.indices < 5
    np.add.at(total, rows[low], visits.metadata.values[low])
    return 0.1 + 0.8 * total / 3


def test_only_what_is_looked_at_matters() -> None:
    visits = with_made_sources(made_visits(400, seed=5))
    p = first_field_score(visits)
    rng = np.random.default_rng(0)
    visits = replace(visits, label=(rng.random(len(p)) < p).astype(np.float32))
    fields = [Field("events", "page", 1), Field("metadata", "plan", 1)]
    fields += [Field("metadata", "other", 2), Field("metadata", "all", 3)]

    found = importance(visits, first_field_score, fields)

    assert found is not None
    page, plan, other, whole = (row["auc_lost"] for row in found["fields"])
    weight = visits.weight
    assert found["auc"] == pytest.approx(
        roc_auc_score(visits.label, p, sample_weight=weight)
    )
    assert found["log_loss"] == pytest.approx(
        log_loss(visits.label, p, sample_weight=weight)
    )
    assert page == other == 0
    assert plan > 0.03
    # Without the field nothing is left to rank by.
    assert found["auc"] - whole == pytest.approx(0.5, abs=0.03)


def test_the_order_of_visits_is_no_matter() -> None:
    visits = with_made_sources(made_visits(60, seed=2))
    fields = fields_of(["page", "size"], ["plan"])
    turned = visits.take_visits(np.arange(len(visits))[::-1])
    assert importance(visits, first_field_score, fields) == importance(
        turned, first_field_score, fields
    )


def test_unknown_sources_or_one_class_give_nothing() -> None:
    fields = [Field("events", "page", 1)]
    assert importance(made_visits(9), first_field_score, fields) is None
    one = with_made_sources(made_visits(9))
    one = replace(one, label=np.ones_like(one.label))
    assert importance(one, first_field_score, fields) is None


def test_large_data_are_cut_to_whole_subjects() -> None:
    visits = made_visits(90, seed=4)
    hashes = np.sort(visits.subject_hash)[np.arange(90) // 3]
    visits = replace(visits, subject_hash=hashes)
    few = some_subjects(visits, visits.cutoffs // 2)
    assert 0 < few.cutoffs <= visits.cutoffs // 2
    sizes = np.unique(few.subject_hash, return_counts=True)[1]
    assert set(sizes.tolist()) == {3}
    assert some_subjects(visits, visits.cutoffs) is visits


def test_names_are_told_apart_and_a_part_is_also_taken_whole() -> None:
    found = fields_of(["page", "amount"], ["wait"])
    assert [(f.part, f.name, f.mask) for f in found] == [
        ("events", "page", 1),
        ("events", "amount", 2),
        ("events", "all", 3),
        ("metadata", "wait", 1),
    ]
    many = fields_of([f"f{i}" for i in range(70)], [])
    assert [f.name for f in many][61:] == ["f61", "others", "all"]
    assert many[-2].mask == 1 << 62

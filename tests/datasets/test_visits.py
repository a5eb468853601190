"""Taking, joining and ordering visits, held against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_visits import entries_of, examples_of, made_visits

from zap.datasets.visits import (
    Visits,
    concatenate,
    concatenate_rows,
    ragged_rows,
    take_rows,
)

made = st.builds(made_visits, st.integers(1, 9), st.integers(0, 10**6))


def by_visit(visits: Visits) -> list[list[tuple]]:
    """The examples of each visit, and its events."""
    examples, bounds = examples_of(visits), visits.cutoff_offsets.tolist()
    events = visits.event_offsets.tolist()
    return [
        [
            *examples[bounds[i] : bounds[i + 1]],
            tuple(
                entries_of(visits.events, e) for e in range(events[i], events[i + 1])
            ),
        ]
        for i in range(len(visits))
    ]


@given(made, st.data())
def test_visits_are_taken_in_the_order_asked(visits: Visits, data) -> None:
    places = st.lists(st.integers(0, len(visits) - 1), max_size=12)
    chosen = np.array(data.draw(places), np.int64)
    whole = by_visit(visits)
    assert by_visit(visits.take_visits(chosen)) == [whole[i] for i in chosen]


@given(made, st.data())
def test_visits_are_taken_by_mask(visits: Visits, data) -> None:
    size = len(visits)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    expected = [each for each, kept in zip(by_visit(visits), mask, strict=True) if kept]
    assert by_visit(visits.take_visits(mask)) == expected


@given(made, st.integers(0, 2**32 - 1))
def test_cutoffs_are_taken_and_visits_stay(visits: Visits, seed: int) -> None:
    keep = np.random.default_rng(seed).random(visits.cutoffs) < 0.5
    found = visits.take_cutoffs(keep)
    examples = zip(examples_of(visits), keep, strict=True)
    assert examples_of(found) == [each for each, kept in examples if kept]
    assert len(found) == len(visits)
    assert found.event_offsets is visits.event_offsets


@given(st.lists(made, min_size=1, max_size=4))
def test_joined_visits_are_those_of_the_parts(parts: list[Visits]) -> None:
    expected = [each for part in parts for each in by_visit(part)]
    assert by_visit(concatenate(parts)) == expected


def test_joining_nothing_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        concatenate([])


@given(made, st.integers(0, 2**32 - 1))
def test_canonical_order_forgets_the_order(visits: Visits, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(len(visits))
    one = by_visit(visits.canonical_order())
    assert one == by_visit(visits.take_visits(shuffled).canonical_order())
    assert sorted(map(repr, one)) == sorted(map(repr, by_visit(visits)))
    hashes = visits.canonical_order().subject_hash
    assert (np.diff(hashes) > 0).all()


def test_canonical_order_of_one_subject_is_by_first_instant() -> None:
    visits = made_visits(6, seed=1)
    visits.subject_hash[:] = 5
    ordered = visits.canonical_order()
    assert (np.diff(ordered.instant_us[ordered.cutoff_offsets[:-1]]) >= 0).all()


@given(made)
def test_visit_and_subject_of_each_cutoff(visits: Visits) -> None:
    expected = [
        visit
        for visit in range(len(visits))
        for _ in range(*visits.cutoff_offsets[visit : visit + 2].tolist())
    ]
    assert visits.cutoff_visit().tolist() == expected
    assert visits.subjects_of_cutoffs().tolist() == [
        int(visits.subject_hash[visit]) for visit in expected
    ]


def test_ragged_rows_may_repeat_and_be_empty() -> None:
    offsets = np.array([0, 2, 2, 5])
    rows, ends = ragged_rows(offsets, np.array([2, 0, 1, 2]))
    assert rows.tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert ends.tolist() == [0, 3, 5, 5, 8]


@given(made)
def test_rows_taken_apart_join_again(visits: Visits) -> None:
    rows, half = visits.metadata, len(visits.metadata) // 2
    every = np.arange(len(rows))
    joined = concatenate_rows([take_rows(rows, p) for p in np.split(every, [half])])
    assert joined.offsets.tolist() == rows.offsets.tolist()
    assert joined.indices.tolist() == rows.indices.tolist()
    assert joined.values.tolist() == rows.values.tolist()

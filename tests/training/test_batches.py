"""Batches hold every cutoff once, with the events that it may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.datasets.visits import InputSpec, Visits
from zap.training.batches import Batch, Batches, Windows

Made = Callable[..., Visits]


def seen_by(batch: Batch) -> list[tuple[object, ...]]:
    """What each cutoff of a batch sees, as plain values."""
    steps = batch.indices.shape[1]
    result = []
    for at in range(len(batch.weight)):
        window, seen = divmod(int(batch.place[at]), steps + 1)
        events = []
        for indices, values in zip(
            batch.indices[window, :seen], batch.values[window, :seen], strict=True
        ):
            events.append(pairs(indices, values))
        metadata = pairs(batch.metadata_indices[at], batch.metadata_values[at])
        result.append(
            (tuple(events), metadata, int(batch.label[at]), float(batch.weight[at]))
        )
    return result


def pairs(indices: np.ndarray, values: np.ndarray) -> tuple[tuple[int, float], ...]:
    """The entries that are not padding."""
    return tuple((int(i), float(v)) for i, v in zip(indices, values, strict=True) if v)


def expected_of(visits: Visits) -> list[tuple[object, ...]]:
    """The same by plain loops over the cutoffs."""
    rows = []
    for at in range(visits.cutoffs):
        events = tuple(
            row_of(visits.events, row)
            for row in range(visits.start[at], visits.stop[at])
        )
        metadata = row_of(visits.metadata, at)
        rows.append((events, metadata, int(visits.label[at]), float(visits.weight[at])))
    return rows


def row_of(sparse: object, row: int) -> tuple[tuple[int, float], ...]:
    """The entries of one sparse row."""
    begin, end = sparse.offsets[row : row + 2]  # type: ignore[attr-defined]
    return pairs(sparse.indices[begin:end], sparse.values[begin:end])  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_each_cutoff_is_in_one_batch_with_its_events(
    make_visits: Made, spec: InputSpec, size: int
) -> None:
    visits = make_visits(80)
    batches = Batches(visits, spec, size, seed=1)
    for epoch in (0, 1):
        found = [cutoff for b in batches.epoch(epoch) for cutoff in seen_by(b)]
        assert Counter(found) == Counter(expected_of(visits))


def test_in_order_names_its_cutoffs(make_visits: Made, spec: InputSpec) -> None:
    visits = make_visits(50)
    expected = expected_of(visits)
    numbers = []
    for batch, cutoffs in Batches(visits, spec, 16).in_order():
        assert seen_by(batch) == [expected[at] for at in cutoffs]
        numbers.extend(cutoffs.tolist())
    assert sorted(numbers) == list(range(visits.cutoffs))


def test_order_depends_on_seed_and_epoch_alone(
    make_visits: Made, spec: InputSpec
) -> None:
    visits = make_visits(50)

    def first(seed: int, epoch: int) -> bytes:
        return next(Batches(visits, spec, 16, seed).epoch(epoch)).indices.tobytes()

    assert first(1, 0) == first(1, 0)
    assert len({first(1, 0), first(2, 0), first(1, 1)}) == 3


def test_little_is_padded(make_visits: Made, spec: InputSpec) -> None:
    visits = make_visits(300)
    places = sum(b.indices.shape[0] * b.indices.shape[1] for b in _all(visits, spec))
    assert places < 1.15 * Windows.of(visits).length.sum()


def _all(visits: Visits, spec: InputSpec) -> list[Batch]:
    return list(Batches(visits, spec, 16).epoch(0))


def test_small_sets_have_small_batches(make_visits: Made, spec: InputSpec) -> None:
    visits = make_visits(30)
    windows = len(Windows.of(visits).start)
    assert Batches(visits, spec, 128, fewest=10).count >= 10
    assert Batches(visits, spec, 128, fewest=10 * windows).count == windows


def test_count(make_visits: Made, spec: InputSpec) -> None:
    visits = make_visits(300)
    assert Batches(visits, spec, 16).count == len(_all(visits, spec))


def test_one_pass_serves_all_cutoffs_of_a_window(make_visits: Made) -> None:
    visits = make_visits(100)
    windows = Windows.of(visits)
    assert len(windows.start) == len(
        set(zip(visits.cutoff_visit().tolist(), visits.start.tolist(), strict=True))
    )
    assert windows.cutoffs.sum() == visits.cutoffs


def test_a_window_with_very_many_cutoffs_is_cut(
    make_visits: Made, spec: InputSpec
) -> None:
    one = make_visits(1)
    many = 200
    visits = Visits(
        subject_hash=one.subject_hash,
        event_offsets=one.event_offsets,
        events=one.events,
        cutoff_offsets=np.array([0, many]),
        start=np.zeros(many, np.int64),
        stop=np.ones(many, np.int64),
        instant_us=np.arange(many),
        label=np.arange(many, dtype=np.float32) % 2,
        weight=np.ones(many, np.float32),
        metadata=make_visits(200).take_visits(np.arange(200)).metadata,
        statistics={},
        baseline={},
    )
    assert Windows.of(visits).cutoffs.tolist() == [64, 64, 64, 8]

"""The benchmark of training: both forms are one function, and so are the layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")
pytest.importorskip("apache_beam", reason="needs extra: beam")

from bench.training import (
    buckets,
    first_layer,
    forms,
    inputs,
    recurrences,
    storage,
    tables,
)
from bench.training.expanded import cuts, records_of, rows_of
from bench.training.inputs import Input
from zap.datasets.visits import InputSpec
from zap.training.backend import tf
from zap.training.config import ModelConfig

SPEC = InputSpec(
    last=8, event_size=30, event_width=3, metadata_size=10, metadata_width=2
)
CONFIG = ModelConfig(embedding=5, units=6, metadata_units=4, merged_units=7, batch=8)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Input:
    return inputs.long(300, tmp_path_factory.mktemp("made"), SPEC)


def test_what_is_read_is_what_was_made(given: Input) -> None:
    made = inputs.long_visits(300, SPEC).canonical_order()
    assert np.array_equal(given.visits.stop, made.stop)
    assert np.array_equal(given.visits.events.indices, made.events.indices)
    assert 0 < made.label.mean() < 1
    lengths = np.diff(made.event_offsets)
    assert (lengths.min(), lengths.max()) == (2, 8)


@pytest.mark.parametrize("multi_hot", [True, False])
def test_loss_and_gradients_are_those_of_the_expanded_form(
    given: Input, multi_hot: bool
) -> None:
    found = forms.difference(given, CONFIG, multi_hot)
    assert found.loss <= 1e-5 and found.gradient <= 1e-5 and found.equal


def test_another_function_is_noticed(
    given: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> dict[str, np.ndarray]:
        rows = rows_of(*arguments)
        return {**rows, "length": np.maximum(rows["length"] - 1, 0)}

    monkeypatch.setattr(forms, "rows_of", late)
    assert not forms.difference(given, CONFIG, multi_hot=False).equal
    assert not forms.Difference(float("nan"), 0.0).equal


def test_rows_hold_what_the_cutoffs_see(given: Input) -> None:
    cutoffs = np.array([5, 0, 17])
    hot = rows_of(given.visits, cutoffs, SPEC, SPEC.last, True)["events"]
    for row, cutoff in enumerate(cutoffs):
        events = range(given.visits.start[cutoff], given.visits.stop[cutoff])
        expected = np.zeros((SPEC.last, SPEC.event_size), np.float32)
        for step, event in enumerate(events):
            first, last = given.visits.events.offsets[event : event + 2]
            expected[step, given.visits.events.indices[first:last]] = 1
        assert np.array_equal(hot[row], expected)


def test_a_pool_is_cut_into_batches_of_like_length(given: Input) -> None:
    length = given.visits.stop - given.visits.start
    for bucketed in (False, True):
        found = cuts(given.visits, 7, bucketed)
        every = np.concatenate(found)
        assert len(set(every.tolist())) == len(every) == 16 * 7
        assert (np.diff(length[every]) >= 0).all() == bucketed


def test_records_are_examples_of_tensorflow(given: Input) -> None:
    rows = rows_of(given.visits, np.arange(2), SPEC, SPEC.last, False)
    example = tf.train.Example.FromString(records_of(rows)[1]).features.feature
    values = example["events_indices"].int64_list.value
    assert list(values) == rows["events_indices"][1].ravel().tolist()


def test_forms_of_the_first_layer_agree() -> None:
    found = first_layer.figure(50, 60, 5, 4, rounds=1)
    assert found.equal and found.chosen in found.seconds
    table = tables.first_layer_table([found, replace(found, equal=False)])
    assert table.count("| yes |") == table.count("| NO |") == 1


@pytest.mark.slow
def test_every_figure_has_its_row(
    given: Input, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "FORMS", {"looked up": (False, True)})
    speeds = forms.speeds(given, CONFIG, rounds=1, steps=1)
    assert list(speeds) == ["Zap", *forms.FORMS] and min(speeds.values()) > 0
    assert tables.speed_table({"made": speeds}).count("\n") == 1 + len(speeds)
    orders = buckets.figures(given, CONFIG, rounds=1)
    blank = [share for share, _ in orders.values()]
    assert 0 <= blank[0] < blank[1] < 1
    assert tables.bucket_table({"made": orders}).count("made") == 2
    disk = storage.disk(given, tmp_path)
    assert disk["Zap, visits"][0] < disk["expanded, multi-hot, padded"][0]
    assert "expanded, entries" in tables.disk_table({"made": disk})
    seconds = storage.reading(given, CONFIG, rounds=1)
    cost = given.visits.cutoffs, seconds, speeds["Zap"]
    assert "| made |" in tables.reading_table({"made": cost})
    found = recurrences.figures(3, 2, 4, rounds=1)
    assert "jit_compile" in tables.recurrence_table({2: found})

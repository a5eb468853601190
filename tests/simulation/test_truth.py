"""The whole way: a simulation's rows to examples, and their truth beside them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.examples.registry import load_generator
from zap.histories.subjects import subject_hash
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate
from zap.simulation.truth import Truth, read_truth


@pytest.fixture(scope="module")
def dataset(simulation: Folder, tmp_path_factory) -> Dataset:
    """Every example of the simulation, in one split."""
    return generate(
        load_generator("simulated_shop"),
        [str(simulation.events)],
        EventMapping.load(simulation.mapping),
        tmp_path_factory.mktemp("examples") / "dataset",
        GenerateOptions(split=NoSplit()),
    )


def rows_of(simulation: Folder) -> list[dict]:
    """Events and truth, row by row."""
    rows = []
    for events_path, truth_path in simulation.parts():
        events, truth = pq.read_table(events_path), pq.read_table(truth_path)
        for event, true in zip(events.to_pylist(), truth.to_pylist(), strict=True):
            assert event["id"] == true.pop("id")
            rows.append({**event, **true})
    return rows


def test_every_flaw_is_counted_for_what_it_is(
    simulation: Folder, dataset: Dataset
) -> None:
    rows, counts = rows_of(simulation), dataset.manifest["counts"]
    faults = Counter(row["fault"] for row in rows)
    assert min(faults.values()) > 5 and len(faults) == 6
    assert counts["rows.read"] == len(rows)
    broken = {
        name: number for name, number in counts.items() if name.startswith("rows.bad.")
    }
    assert sum(broken.values()) == sum(
        faults[name] for name in ("broken_time", "absurd_time", "broken_type")
    )
    assert len(broken) == 3
    declared = [r for r in rows if r["kind"] == "declared"]
    sound = [r for r in declared if "_t" not in r["fault"]]
    assert counts["events.dropped.bot.crawler"] == len(sound)
    repeated = [
        r for r in rows if r["fault"] == "duplicate" and r["kind"] != "declared"
    ]
    assert counts["events.dropped.duplicate_id"] == len(repeated) > 50
    assert counts["events.late"] > 50


def test_broken_rows_are_dead_letters_with_their_reason(
    simulation: Folder, dataset: Dataset
) -> None:
    letters = [
        json.loads(line)
        for path in Path(dataset.path).glob("dead_letters/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    said = Counter(letter["reason"].partition(":")[0] for letter in letters)
    faults = Counter(row["fault"] for row in rows_of(simulation))
    assert sorted(said.values()) == sorted(
        faults[name] for name in ("broken_time", "absurd_time", "broken_type")
    )


def test_the_examples_have_their_truth(simulation: Folder, dataset: Dataset) -> None:
    """By the rows themselves: visitor and receipt name the page view."""
    visits = dataset.read("test")
    truth = read_truth(simulation.path)
    found = truth.of_examples(visits.subjects_of_cutoffs(), visits.instant_us)
    views = {
        (subject_hash(r["anonymous_id"]), r["received_at"] * 1_000): r
        for r in rows_of(simulation)
        if r["event"] == "page_view" and r["fault"] in ("none", "late")
    }
    assert len(truth) == len(views)
    wrong = 0
    for row, (subject, instant) in enumerate(
        zip(visits.subjects_of_cutoffs(), visits.instant_us, strict=True)
    ):
        view = views[subject, instant]
        assert found.probability[row] == view["probability"]
        assert found.bought[row] == view["bought"]
        assert found.kind[row] == view["kind"] != "declared"
        assert found.page_number[row] == view["page_number"]
        wrong += found.bought[row] != visits.label[row]
    # Only a row that came late can hide a visit's end, or part it from its beginning.
    assert wrong < 0.01 * visits.cutoffs


def test_without_late_rows_every_label_is_the_outcome(tmp_path: Path) -> None:
    settings = Settings(events=5_000, late=0.0, bots=0.1, seed=3)
    made = simulate(settings, tmp_path / "shop")
    found = generate(
        load_generator("simulated_shop"),
        [str(made.events)],
        EventMapping.load(made.mapping),
        tmp_path / "examples",
        GenerateOptions(split=NoSplit()),
    )
    visits = found.read("test")
    truth = read_truth(made.path)
    people = truth.take(truth.kind != "declared")
    of_examples = truth.of_examples(visits.subjects_of_cutoffs(), visits.instant_us)
    assert (of_examples.bought == visits.label).all()
    assert visits.cutoffs == len(people)  # none is censored: all visits are seen whole
    assert len(np.unique(of_examples.visit)) == len(np.unique(people.visit))


def test_examples_of_something_else_are_refused(simulation: Folder) -> None:
    truth = read_truth(simulation.path)
    with pytest.raises(InputError, match="1 of 2 that are not"):
        truth.of_examples(
            truth.subject_hash[:2], truth.instant_us[:2] + np.array([0, 1])
        )
    twice = Truth.joined([truth.take(np.arange(3)), truth.take(np.arange(1))])
    with pytest.raises(InputError, match="and 2 page views"):
        twice.of_examples(truth.subject_hash[:1], truth.instant_us[:1])


def test_a_folder_without_a_simulation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finished simulation"):
        read_truth(tmp_path)

"""Persons through whole jobs: the examples of the plain loops, however it is run."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from made_people import (
    HOURS,
    MAPPING,
    AfterEach,
    AtHours,
    Cut,
    Row,
    Visits,
    cuts_after_events,
    cuts_at,
    everybody,
    is_link,
    known,
    links_of,
    owner,
    raw_rows,
    some_people,
    tied_at,
)
from made_rows import FIRST, write_files

from zap.beam import identity as beam_identity
from zap.beam.generate import GenerateOptions, check_fields, generate
from zap.beam.identity import MergeTables
from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.errors import GeneratorError
from zap.events.mapping import EventMapping
from zap.examples import past
from zap.histories.links import merge_links
from zap.histories.subjects import subject_hash
from zap.times import instant_us

SITES = Path(__file__).parents[1] / "sites"


def some_rows() -> list[Row]:
    """Many small groups of people, each with devices and users of its own."""
    rows, rng = [], Random(7)
    for group in range(40):
        for row in some_people(rng, 30):
            own = {n: row[n] and f"{row[n]}-{group}" for n in ("who", "user_id")}
            number = len(rows)
            rows.append({**row, **own, "uid": number, "sequence": row["uid"]})
    return rows


ROWS = some_rows()
Example = tuple[float, ...]


def made(folder: Path, generator: Any, files: int = 3, **options: Any) -> Dataset:
    raw = raw_rows(ROWS)
    for row, mine in zip(raw, ROWS, strict=True):
        row["number"], row["square"] = mine["sequence"], mine["uid"]
    paths = write_files(folder / "raw", raw, files)
    made_of = GenerateOptions(**options)
    return generate(generator, paths, MAPPING, folder / "examples", made_of)


def wanted(cuts: list[Cut]) -> Counter[Example]:
    """What the oracle's cutoffs hold, in numbers that a dataset keeps exactly."""
    number = {row["uid"]: row["sequence"] for row in ROWS}
    return Counter(
        (
            instant_us(FIRST + timedelta(hours=cut.instant)),
            len(cut.past),
            sum(number[uid] for uid in cut.past),
            sum(cut.past),
            sum(cut.future),
        )
        for cut in cuts
    )


def found(dataset: Dataset) -> Counter[Example]:
    examples: Counter[Example] = Counter()
    for name in SPLITS:
        visits = dataset.read(name)
        columns = [visits.statistics[n] for n in ("events", "sum", "squares")]
        examples.update(
            zip(
                visits.instant_us.tolist(),
                *(column.tolist() for column in columns),
                visits.label.tolist(),
                strict=True,
            )
        )
    return examples


@pytest.fixture(scope="module")
def after_each(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made(tmp_path_factory.mktemp("after"), AfterEach())


def test_examples_after_events_are_those_of_the_plain_loops(after_each) -> None:
    expected = wanted(cuts_after_events(ROWS, "x"))
    assert sum(expected.values()) > 150
    assert found(after_each) == expected


def test_examples_at_times_are_those_of_the_plain_loops(tmp_path: Path) -> None:
    dataset = made(tmp_path, AtHours())
    assert found(dataset) == wanted(cuts_at(ROWS, HOURS))


def test_links_are_counted(after_each: Dataset) -> None:
    devices = sorted({row["who"] for row in ROWS if row["who"] is not None})
    switches = 0
    for device in devices:
        users = [r["user_id"] for r in in_link_order(device)]
        switches += sum(a != b for a, b in pairwise(users))
    expected = {
        "links": len({(r["who"], r["user_id"]) for r in ROWS if is_link(r)}),
        "persons": len({r["user_id"] for r in ROWS if is_link(r)}),
        "events_linked_back": sum(tied_at(r, ROWS) > known(r) for r in ROWS),
        "switches": switches,
        "visitor_histories": len(
            {r["who"] for r in ROWS if tied_at(r, ROWS) > known(r)}
        ),
    }
    assert all(expected.values())
    counts = after_each.manifest["counts"]
    for name, number in expected.items():
        assert counts[f"identity.{name}"] == number, name
    assert counts["histories.kept"] == len(everybody(ROWS))
    nobody = sum(owner(row, ROWS) is None for row in ROWS)
    assert counts["events.dropped.no_subject"] == nobody


def in_link_order(device: str) -> list[Row]:
    """The links of a device by time, those of one time by the user."""
    return sorted(links_of(device, ROWS), key=lambda r: (r["t"], r["user_id"]))


def test_all_examples_of_a_person_are_in_one_part(after_each: Dataset) -> None:
    parts = [set(after_each.read(name).subject_hash.tolist()) for name in SPLITS]
    everyone = set.union(*parts)
    assert len(everyone) == sum(map(len, parts))
    hashes = {subject_hash(":".join(person)) for person in everybody(ROWS)}
    assert everyone <= hashes


def assert_same(dataset: Dataset, other: Dataset) -> None:
    assert dataset.manifest["digest"] == other.manifest["digest"]
    assert dataset.manifest["counts"] == other.manifest["counts"]


def test_two_workers(tmp_path: Path, after_each: Dataset, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SITES), prepend=os.pathsep)
    args = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert_same(made(tmp_path, AfterEach(), beam_args=args), after_each)


@pytest.mark.parametrize(("files", "shards"), [(1, 1), (7, 5)])
def test_rows_dealt_to_other_files_and_shards(
    tmp_path: Path, after_each: Dataset, files: int, shards: int
) -> None:
    assert_same(made(tmp_path, AfterEach(), files, shards=shards), after_each)


def test_a_question_by_methods(tmp_path: Path) -> None:
    dataset = made(tmp_path, Visits())
    expected = Counter(example[:4] for example in wanted(cuts_after_events(ROWS, "x")))
    assert Counter(example[:4] for example in found(dataset)) == expected


def with_fields(**changes: Any) -> EventMapping:
    definition = MAPPING.to_dict()
    for part, change in changes.items():
        definition[part] = {
            name: value
            for name, value in {**definition[part], **change}.items()
            if value is not None
        }
    return EventMapping.from_dict(definition)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"user_id": None}}, "no user_id in the mapping"),
        ({"fields": {"anonymous_id": None}}, "no anonymous_id in the mapping"),
        (
            {"properties": {"person": {"column": "p", "type": "string"}}},
            "property='person'",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        check_fields(AfterEach(), with_fields(**changes))
    check_fields(AfterEach(), MAPPING)


def test_the_person_is_no_field_to_look_at() -> None:
    """It tells of links that were known only later."""
    wrong = {"statistics": {"who": past().last("person").equals("user:ann")}}
    made_of = type("Wrong", (AfterEach,), wrong)()
    with pytest.raises(GeneratorError, match="field='person'"):
        check_fields(made_of, MAPPING)


@pytest.mark.parametrize("least_rows", [0, 3, 10**6])
def test_tables_of_links_are_merged_to_the_same_whenever_that_is_done(
    least_rows: int, monkeypatch
) -> None:
    monkeypatch.setattr(beam_identity, "LEAST_ROWS", least_rows)
    calls: list[int] = []

    def merge(tables: Any) -> pa.Table:
        calls.append(1)
        return merge_links(tables)

    rows = [
        pa.table({"anonymous_id": [f"d{i % 7}"], "user_id": [f"u{i % 5}"]})
        .append_column("time_us", pa.array([i % 11]))
        .append_column("known_us", pa.array([100 - i]))
        for i in range(64)
    ]
    combine = MergeTables(merge)
    halves = []
    for part in (rows[:40], rows[40:], []):
        tables = combine.create_accumulator()
        for row in part:
            tables = combine.add_input(tables, row)
        halves.append(tables)
    found = combine.extract_output(combine.merge_accumulators(halves))
    assert len(calls) == 1 if least_rows > 64 else 3 < len(calls) < 30
    order = [(name, "ascending") for name in found.schema.names]
    assert found.sort_by(order) == merge_links(rows).sort_by(order)

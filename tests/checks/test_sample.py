"""Whole subjects that fit, whatever the order of files; the first rows as they lie."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from made_rows import made_rows, write_files, write_rows
from made_shop import MadeShop

from zap.checks.before import prove_before
from zap.checks.sample import first_rows, whole_subjects
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.histories.needed import properties_to_read
from zap.histories.subjects import subject_hash

SITES = Path(__file__).parents[1] / "sites"
MAPPING = EventMapping.load(SITES / "made_shop.toml")
ROWS = made_rows(80)
SIZES = Counter(row["visitor"] for row in ROWS)


def visitors(sample) -> Counter[str]:
    return Counter(sample.table.column("anonymous_id").to_pylist())


@pytest.mark.parametrize("most", [30, 100, 250, 10_000])
@pytest.mark.parametrize("files", [1, 4])
def test_the_subjects_with_the_lowest_hashes_that_fit(tmp_path, most, files) -> None:
    wanted, held = Counter[str](), 0
    for visitor in sorted(SIZES, key=subject_hash):
        if held + SIZES[visitor] > most:
            break
        wanted[visitor] = SIZES[visitor]
        held += SIZES[visitor]
    sources = list_sources(write_files(tmp_path, ROWS, files), MAPPING)
    for order in (sources, sources[::-1]):
        sample = whole_subjects(order, MAPPING, "anonymous_id", most)
        assert visitors(sample) == wanted
        assert sample.table.num_rows <= most
        assert sample.counts["rows.read"] == len(ROWS)


def test_small_batches_hold_no_more_and_find_the_same(tmp_path, monkeypatch) -> None:
    sources = list_sources(write_files(tmp_path, ROWS), MAPPING)
    whole = whole_subjects(sources, MAPPING, "anonymous_id", 100)
    monkeypatch.setattr("zap.checks.sample.BATCH_ROWS", 7)
    again = whole_subjects(sources, MAPPING, "anonymous_id", 100)
    assert visitors(again) == visitors(whole)


def test_rows_without_the_subject_go_by_who_they_have(tmp_path) -> None:
    rows = [{**row, "visitor": None} for row in ROWS[:5]] + ROWS[5:]
    sources = list_sources([write_rows(tmp_path / "a.jsonl", rows)], MAPPING)
    sample = whole_subjects(sources, MAPPING, "user_id", 10_000)
    # Nobody has a user_id here: visitors stand for users, and five rows for nobody.
    assert sum(visitors(sample).values()) == len(ROWS) - 5


def test_a_subject_that_does_not_fit_is_said(tmp_path) -> None:
    sources = list_sources(write_files(tmp_path, ROWS), MAPPING)
    with pytest.raises(InputError, match=r"Received: .* none fit into events=1\."):
        whole_subjects(sources, MAPPING, "anonymous_id", 1)


def test_the_first_rows_lie_as_they_lie(tmp_path) -> None:
    sources = list_sources(write_files(tmp_path, ROWS), MAPPING)
    sample = first_rows(sources, MAPPING, 50)
    assert sample is not None and sample.table.num_rows == 50
    assert set(sample.table.column("source").to_pylist()) == {sources[0].digest}
    assert MadeShop().subject in sample.table.schema.names


def test_the_first_rows_are_bad_only_where_the_job_would_say_so(tmp_path) -> None:
    """A property that the question does not read may hold what it likes."""
    rows = [{**row, "cart": "seven"} for row in ROWS]
    sources = list_sources(write_files(tmp_path, rows), MAPPING)
    assert properties_to_read(MadeShop()) is not None
    sample = first_rows(sources, MAPPING, 50, properties_to_read(MadeShop()))
    assert sample is not None and sample.table.num_rows == 50
    proof = prove_before(MadeShop(), sources, MAPPING)
    assert proof["verdict"] == "passed" and proof["cutoffs"] > 0


def test_a_range_that_nobody_declares_is_estimated(tmp_path) -> None:
    said = MAPPING.to_dict()
    del said["observed"]
    mapping = EventMapping.from_dict(said)
    sources = list_sources(write_files(tmp_path, ROWS), mapping)
    assert first_rows(sources, mapping, 50).observed.source == "estimated"
    whole = whole_subjects(sources, mapping, "anonymous_id", 50)
    assert whole.observed.source == "estimated"

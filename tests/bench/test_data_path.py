"""Zap and three references by hand make the same examples of one input."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.data_path import job, tables
from bench.data_path.compare import compare
from bench.data_path.examples import Examples, read_examples
from bench.data_path.question import DataPath, DataPathFitted
from zap.cli.main import main as zap
from zap.datasets.store import Dataset
from zap.encoding.encoder import Encoder, unfitted
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate


def _module(name: str) -> Any:
    """A module of the benchmark, whose packages may be missing."""
    needs = "needs extra: pip install 'zap-predictions[bench,train]'"
    return pytest.importorskip(f"bench.data_path.{name}", reason=needs)


inputs, measure = _module("inputs"), _module("measure")
SCRIPTS = {
    "polars": _module("polars_script"),
    "duckdb": _module("duckdb_script"),
    "per_event": _module("per_event"),
}
SPOILED = ("id", "url", "referrer", "user_agent", "campaign", "step", "event")


@pytest.fixture(scope="module", params=["as simulated", "spoiled"])
def given(request, tmp_path_factory) -> Any:
    """About 20,000 events; spoiled ones lack values and share their seconds."""
    work = tmp_path_factory.mktemp("data_path")
    settings = Settings(events=20_000, bots=0.1, duplicates=0.02, broken=0.005, seed=2)
    simulate(settings, work / "simulated-20000")
    found = inputs.prepared(20_000, work)
    if request.param == "spoiled":
        spoil(found.events)
    return found


def spoil(folder: Path) -> None:
    """Take values away, let clocks show ten seconds, and split the rows in two files.

    Texts are no dictionaries any more; a visitor stays in one file, since the order of
    files is no business of the comparison.
    """
    random = np.random.default_rng(1)
    table = pa.concat_tables(pq.read_table(path) for path in folder.glob("*.parquet"))
    for path in folder.glob("*.parquet"):
        path.unlink()
    columns = table.to_pydict()
    for name in (*SPOILED, "visit_number", "bought_before"):
        for row in np.flatnonzero(random.random(len(table)) < 0.005).tolist():
            empty = name in SPOILED and random.random() < 0.5
            columns[name][row] = "" if empty else None
    columns["timestamp"] = [
        None if ms is None else ms // 10_000 * 10_000 for ms in columns["timestamp"]
    ]
    second = np.array([name[0] < "8" for name in columns["anonymous_id"]])
    spoiled = pa.table(columns)
    for number, mask in enumerate((second, ~second)):
        pq.write_table(
            spoiled.filter(pa.array(mask)), folder / f"part-{number}.parquet"
        )


@pytest.fixture(scope="module")
def dataset(given: Any, tmp_path_factory) -> Dataset:
    output = tmp_path_factory.mktemp("zap") / "examples"
    options = ["--input", str(given.events), "--mapping", str(given.plain)]
    options += ["--max-bad-share", "0.1", "--no-check", "--output", str(output)]
    generator = "bench.data_path.question:DataPath"
    assert zap(["generate", "--generator", generator, *options]) == 0
    return Dataset.open(output)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_reference_makes_the_same_examples(name, given, dataset, tmp_path):
    arguments = [str(given.events), str(tmp_path / "output")]
    SCRIPTS[name].main([*arguments, "--mapping", str(given.plain)])
    ours, theirs = (Path(dataset.path), tmp_path / "output")
    found = compare(read_examples(ours), read_examples(theirs))
    assert found.equal, found.first
    assert found.common == dataset.manifest["counts"]["cutoffs.examples"] > 5_000
    told = json.loads((theirs / "manifest.json").read_text())
    counts = dataset.manifest["counts"]
    bots = {"events.dropped.rate": "events.dropped.bot.rate"}
    for key, number in told.items():
        if key.startswith("events."):
            assert number == counts[bots.get(key, key)], key


def test_every_step_takes_something_out(dataset):
    counts = dataset.manifest["counts"]
    for reason in (
        "rows.bad.timestamp.missing",
        "rows.bad.timestamp.out_of_range",
        "rows.bad.type.missing",
        "events.dropped.exclude.help",
        "events.dropped.bot.crawler",
        "events.dropped.max_subject_events",
        "events.dropped.duplicate_id",
        "events.dropped.bot.rate",
        "events.dropped.max_events",
        "cutoffs.dropped.not_eligible",
        "cutoffs.dropped.censored",
    ):
        assert counts[reason] > 0, reason


def test_scripts_know_the_questions_numbers():
    question, encoder = DataPath(), Encoder(DataPath().instance)
    assert question.settings().session_gap_us == job.GAP_MS * 1000
    assert question.max_events == job.MAX_EVENTS
    assert question.max_subject_events == job.MAX_SUBJECT_EVENTS
    assert encoder.event_size == job.HASH_BUCKETS + len(job.SINCE_EDGES)
    assert encoder.metadata_size == job.TENURE_PLACE + len(job.TENURE_EDGES)
    assert unfitted(DataPathFitted().instance)


@pytest.fixture(scope="module")
def examples(dataset) -> Examples:
    return read_examples(Path(dataset.path))


def test_planted_differences_are_found(examples):
    place = len(examples) // 2
    for name in ("label", "seconds"):
        column = examples.columns[name].copy()
        column[place] += 1
        changed = dataclasses.replace(
            examples, columns={**examples.columns, name: column}
        )
        found = compare(examples, changed, sample=10)
        assert (found.unequal, found.differing[name]) == (1, 1)
        assert name in found.first and not found.equal


@pytest.mark.parametrize("what", ["indices", "values"])
@pytest.mark.parametrize("where", ["events", "metadata"])
def test_one_changed_entry_is_found(examples, what, where):
    rows = getattr(examples, where)
    entries = getattr(rows, what).copy()
    entries[len(entries) // 2] += 1
    changed = dataclasses.replace(
        examples, **{where: dataclasses.replace(rows, **{what: entries})}
    )
    found = compare(examples, changed, sample=0)
    event = np.searchsorted(rows.offsets, len(entries) // 2, "right") - 1
    holds = (examples.start <= event) & (event < examples.stop)
    expected = int(holds.sum()) if where == "events" else 1
    assert found.unequal == expected > 0


def test_windows_of_other_lengths_and_orders_differ(examples):
    long = examples.stop - examples.start >= 2
    later = dataclasses.replace(examples, start=examples.start + long)
    assert compare(examples, later, sample=0).unequal == long.sum()
    rows = examples.events
    widths = np.diff(rows.offsets)
    event = int(np.flatnonzero((widths[1:] == widths[:-1]) & (widths[1:] > 1))[0])
    first, middle, end = rows.offsets[event : event + 3]
    order = np.arange(len(rows.indices))
    order[first:end] = [*range(middle, end), *range(first, middle)]
    if (rows.indices[order] == rows.indices).all():
        pytest.fail("the two events are the same: choose others")
    swapped = dataclasses.replace(
        rows, indices=rows.indices[order], values=rows.values[order]
    )
    found = compare(examples, dataclasses.replace(examples, events=swapped), sample=0)
    either = (examples.start <= event + 1) & (event < examples.stop)
    assert found.unequal == either.sum() > 0


def test_missing_and_further_examples_are_counted(examples):
    keep = examples.subject % 7 > 0
    offsets, metadata = examples.metadata.offsets, examples.metadata
    entry = np.repeat(keep, np.diff(offsets))
    fewer = Examples(
        examples.subject[keep],
        examples.instant_us[keep],
        examples.events,
        examples.start[keep],
        examples.stop[keep],
        dataclasses.replace(
            metadata,
            offsets=np.append(0, np.cumsum(np.diff(offsets)[keep])),
            indices=metadata.indices[entry],
            values=metadata.values[entry],
        ),
        {name: column[keep] for name, column in examples.columns.items()},
    )
    found = compare(examples, fewer, sample=100)
    assert (found.missing, found.extra) == ((~keep).sum(), 0)
    assert not found.equal and "only the first" in found.first
    assert compare(fewer, examples).extra == (~keep).sum()


def test_the_exponent_is_the_slope_of_logarithms():
    rows = [1_000, 3_000, 10_000]
    seconds = [2 + 1e-3 * n**1.25 for n in rows]
    assert math.isclose(tables.exponent(rows, seconds, start=2), 1.25)
    assert math.isnan(tables.exponent(rows[:1], seconds[:1], start=2))
    assert math.isnan(tables.exponent(rows, seconds, start=1e9))


def test_memory_of_all_processes_is_seen():
    hold = "import time; held = bytearray(300_000_000); time.sleep(1)"
    alone = measure.measured([sys.executable, "-c", hold])
    assert alone.processes == 1
    assert 300e6 < alone.peak_bytes < 400e6
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    both = measure.measured([sys.executable, "-c", f"{child}; {hold}"])
    assert both.processes == 2
    assert 300e6 < both.peak_bytes < 500e6
    with pytest.raises(RuntimeError, match="no such thing"):
        measure.measured([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_the_arrow_size_leaves_out_what_is_not_mapped(given):
    files = [pq.read_table(path) for path in given.events.glob("*.parquet")]
    assert given.rows == sum(len(table) for table in files)
    unmapped = sum(table.column("received_at").nbytes for table in files)
    whole = sum(table.nbytes for table in files)
    assert given.arrow_bytes == pytest.approx(whole - unmapped, rel=0.02)

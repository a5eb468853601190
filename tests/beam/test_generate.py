"""Raw events to a dataset: the same whatever the runner does, and every row counted."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_rows import CRAWLER, FIRST, made_row, made_rows, write_files, write_rows
from made_shop import ByCart, Fragile, MadeShop, MadeUpDates, Weekly, WrongKind
from made_visits import examples_of

from zap.beam import read as beam_read
from zap.beam import sources
from zap.beam import write as beam_write
from zap.beam.generate import GenerateOptions, generate
from zap.beam.pipeline import shard_count
from zap.datasets.splits import SPLITS, NoSplit, TimeSplit
from zap.datasets.store import Dataset
from zap.datasets.tfrecord import read_records
from zap.errors import (
    DatasetError,
    EncodingError,
    GeneratorError,
    InputError,
    ZapError,
)
from zap.events.mapping import EventMapping
from zap.events.sources import StoredFile, list_sources
from zap.times import DAY_US, SECOND_US, instant_us

SITES = Path(__file__).parents[1] / "sites"
ROWS = made_rows(120)
MAPPING = EventMapping.load(SITES / "made_shop.toml")


def without_observed() -> EventMapping:
    definition = MAPPING.to_dict()
    definition.pop("observed")
    return EventMapping.from_dict(definition)


def made(folder: Path, rows=ROWS, generator=None, mapping=MAPPING, **options):
    """A dataset of rows in three files."""
    return generate(
        generator or MadeShop(),
        write_files(folder / "raw", rows),
        mapping,
        folder / "examples",
        GenerateOptions(**options),
    )


def all_examples(dataset: Dataset) -> dict[str, list]:
    return {
        name: examples_of(dataset.read(name))
        for name in SPLITS
        if dataset.manifest["splits"][name]["examples"]
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset that the others are held against."""
    return made(tmp_path_factory.mktemp("whole"))


def assert_same(dataset: Dataset, whole: Dataset) -> None:
    assert dataset.manifest["digest"] == whole.manifest["digest"]
    assert dataset.manifest["counts"] == whole.manifest["counts"]
    assert dataset.manifest["named"] == whole.manifest["named"]
    assert dataset.encoder.fingerprint == whole.encoder.fingerprint
    assert dataset.manifest["splits"] == whole.manifest["splits"]
    assert all_examples(dataset) == all_examples(whole)


def test_examples_are_those_of_a_plain_loop(whole: Dataset) -> None:
    """Labels and numbers of pages, by visitor, session and view."""
    expected: dict[str, list[tuple[float, float]]] = {}
    for visitor in {row["visitor"] for row in ROWS}:
        own = sorted((r for r in ROWS if r["visitor"] == visitor), key=time_of)
        for session in sessions_of(own):
            buys = [i for i, row in enumerate(session) if row["event"] == "purchase"]
            for place, row in enumerate(session):
                if row["event"] == "page_view" and not any(i < place for i in buys):
                    key = row["time"]
                    pages = sum(r["event"] == "page_view" for r in session[: place + 1])
                    label = float(any(i > place for i in buys))
                    expected.setdefault(key, []).append((label, float(pages)))
    found: dict[str, list[tuple[float, float]]] = {}
    for name in SPLITS:
        visits = whole.read(name)
        pages = visits.statistics["pages"]
        for instant, label, count in zip(
            visits.instant_us, visits.label, pages, strict=True
        ):
            key = (FIRST + timedelta(microseconds=int(instant - START))).isoformat()
            found.setdefault(key, []).append((float(label), float(count)))
    sort = {key: sorted(values) for key, values in found.items()}
    assert sort == {key: sorted(values) for key, values in expected.items()}


START = instant_us(FIRST)


def time_of(row: dict) -> str:
    return row["time"]


def sessions_of(rows: list[dict]) -> list[list[dict]]:
    """Rows of one visitor cut where more than 30 minutes pass."""
    sessions: list[list[dict]] = []
    for row in rows:
        last = sessions[-1][-1]["time"] if sessions else None
        if last and instant_us(row["time"]) - instant_us(last) <= 1_800 * SECOND_US:
            sessions[-1].append(row)
        else:
            sessions.append([row])
    return sessions


def test_no_subject_is_in_two_parts(whole: Dataset) -> None:
    subjects = [set(whole.read(name).subject_hash.tolist()) for name in SPLITS]
    assert all(subjects)
    assert len(set.union(*subjects)) == sum(map(len, subjects))


def test_the_manifest_says_what_is_there(whole: Dataset) -> None:
    manifest = whole.manifest
    assert manifest["observed"]["source"] == "declared"
    assert manifest["layout"] == "visits"
    for name in SPLITS:
        visits, said = whole.read(name), manifest["splits"][name]
        assert said["examples"] == visits.cutoffs
        assert said["visits"] == len(visits)
        assert said["events"] == len(visits.events)
        assert said["subjects"] == len(np.unique(visits.subject_hash))
        assert said["label_rate"] == pytest.approx(visits.label.mean(dtype=float))
    spec = whole.spec
    assert spec.last == 4 and spec.event_size == whole.encoder.event_size
    for name in SPLITS:
        visits = whole.read(name)
        assert visits.events.indices.max() < spec.event_size
        assert np.diff(visits.events.offsets).max() <= spec.event_width
        assert (visits.stop - visits.start).max() <= spec.last
    assert manifest["generator"]["digest"] == MadeShop().digest()
    assert len(manifest["sources"]) == 3
    assert json.loads(json.dumps(manifest)) == manifest


def test_the_manifest_counts_what_the_question_names(whole: Dataset) -> None:
    read = [row for row in ROWS if row["event"]]
    types = Counter(row["event"] for row in read)
    named = whole.manifest["named"]
    assert named["types"] == {name: types[name] for name in ("page_view", "purchase")}
    assert named["fields"] == {"url": sum(bool(row["url"]) for row in read)}
    assert not any(name.startswith("named.") for name in whole.manifest["counts"])


def test_files_of_a_dataset_are_these(whole: Dataset) -> None:
    root = Path(whole.path)
    found = {path.name for path in root.iterdir()}
    said = {part["path"] for part in whole.manifest["parts"]}
    files = {str(p.relative_to(root)) for p in root.glob("*/*")}
    assert found == {
        *SPLITS,
        "dead_letters",
        "manifest.json",
        "encoder.json",
        "recent.jsonl.gz",
        "COMPLETED",
    }
    assert files == said


def test_twice_the_same_job(tmp_path: Path, whole: Dataset) -> None:
    again = made(tmp_path)
    assert_same(again, whole)
    for part in whole.manifest["parts"]:
        paths = [Path(each.path) / part["path"] for each in (whole, again)]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_files_listed_in_another_order(tmp_path: Path, whole: Dataset) -> None:
    paths = write_files(tmp_path / "raw", ROWS)
    found = generate(MadeShop(), paths[::-1], MAPPING, tmp_path / "examples")
    assert_same(found, whole)


@pytest.mark.parametrize("shards", [1, 7])
def test_another_number_of_shards(tmp_path: Path, whole: Dataset, shards: int) -> None:
    found = made(tmp_path, shards=shards)
    assert_same(found, whole)
    numbers = {part["path"].rpartition("-")[2] for part in found.manifest["parts"]}
    assert len(numbers) == shards


def test_rows_cut_into_other_files_and_shuffled(tmp_path: Path, whole: Dataset) -> None:
    """A file's name and digest decide between events of one instant, and these are
    events of different instants."""
    order = np.random.default_rng(0).permutation(len(ROWS))
    rows = [ROWS[i] for i in order]
    paths = write_files(tmp_path / "raw", rows, files=5)
    found = generate(MadeShop(), paths, MAPPING, tmp_path / "examples")
    assert_same(found, whole)


def test_parquet_by_groups_of_rows(tmp_path: Path, whole: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(sources, "PART_ROWS", 100)
    path = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=50)
    found = list_sources([str(path)], MAPPING)
    assert len(sources.parts_to_read(found)) == -(-len(ROWS) // 100)
    found = generate(MadeShop(), [str(path)], MAPPING, tmp_path / "examples")
    assert_same(found, whole)


def test_another_size_of_batches(tmp_path: Path, whole: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(beam_read, "BATCH_ROWS", 17)
    assert_same(made(tmp_path), whole)


def test_copies_of_a_file_are_read_and_counted(tmp_path: Path) -> None:
    (path,) = write_files(tmp_path / "raw", ROWS, files=1)
    copy = Path(path).with_stem("copy")
    copy.write_bytes(Path(path).read_bytes())
    found = generate(MadeShop(), [path, str(copy)], MAPPING, tmp_path / "examples")
    counts = found.manifest["counts"]
    assert counts["files.identical"] == 1
    assert counts["rows.read"] == 2 * len(ROWS)


def test_two_workers(tmp_path: Path, whole: Dataset, monkeypatch) -> None:
    # Workers are processes of their own, which find the question by its module.
    monkeypatch.setenv("PYTHONPATH", str(SITES), prepend=os.pathsep)
    args = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert_same(made(tmp_path, beam_args=args), whole)


def test_compressed_files_hold_the_same_records(tmp_path: Path, whole: Dataset) -> None:
    found = made(tmp_path, compression="gzip")
    assert found.manifest["digest"] == whole.manifest["digest"]
    assert all_examples(found) == all_examples(whole)
    assert all(p["path"].endswith(".tfrecord.gz") for p in found.manifest["parts"])


def test_the_layout_of_instances_holds_the_same_examples(
    tmp_path: Path, whole: Dataset
) -> None:
    found = made(tmp_path, layout="instances")
    assert found.manifest["layout"] == "instances"
    for name, examples in all_examples(whole).items():
        assert sorted(examples) == sorted(all_examples(found)[name])
        assert found.manifest["splits"][name]["visits"] == len(examples)
    for name in ("label_rate", "examples", "subjects"):
        for split in SPLITS:
            one, two = (d.manifest["splits"][split][name] for d in (found, whole))
            assert one == two


def test_an_encoder_that_is_given_is_used(tmp_path: Path, whole: Dataset) -> None:
    found = made(tmp_path, encoder=whole.encoder, split=NoSplit())
    assert found.encoder.fingerprint == whole.encoder.fingerprint
    expected = [each for one in all_examples(whole).values() for each in one]
    assert sorted(all_examples(found)["test"]) == sorted(expected)
    assert list(all_examples(found)) == ["test"]


def test_the_encoder_sees_training_subjects_alone(tmp_path: Path, whole) -> None:
    """Other waits of test subjects change no bin of the encoder."""
    test = set(whole.read("test").subject_hash.tolist())
    from zap.histories.subjects import subject_hash

    rows = []
    for row in ROWS:
        moved = subject_hash(row["visitor"]) in test
        time = FIRST + 7 * (instant_us(row["time"]) - START) * MICRO
        rows.append(row | {"time": time.isoformat()} if moved else row)
    found = made(tmp_path, rows, mapping=without_observed())
    assert found.encoder.fingerprint == whole.encoder.fingerprint


MICRO = timedelta(microseconds=1)


def test_no_time_split_example_looks_over_a_boundary(tmp_path: Path) -> None:
    split = TimeSplit(instant_us("2024-03-08"), instant_us("2024-03-15T12:00:00Z"))
    found = made(tmp_path, generator=Weekly(), split=split)
    days = {
        name: {int(i - START) // DAY_US + 1 for i in found.read(name).instant_us}
        for name in SPLITS
        if found.manifest["splits"][name]["examples"]
    }
    # The label of 5 March ends on 8 March, that of 15 March goes on until 18 March.
    assert days == {"train": {5}, "validation": {10}, "test": {20}}
    assert found.manifest["counts"]["cutoffs.dropped.embargo"] > 0


def test_no_session_is_cut_by_a_time_split(tmp_path: Path) -> None:
    """A visit that goes on over the boundary belongs to neither side."""
    edge = FIRST + timedelta(days=10)
    cut = [
        made_row("cut", edge + timedelta(minutes=m), kind, "/page/1")
        for m, kind in ((-5, "page_view"), (-1, "page_view"), (4, "purchase"))
    ]
    split = TimeSplit(instant_us(edge), instant_us(edge + timedelta(days=5)))
    found = made(tmp_path, [*ROWS, *cut], split=split)
    train = found.read("train")
    assert train.instant_us.max() <= instant_us(edge) - 1_800 * SECOND_US
    assert found.manifest["counts"]["cutoffs.dropped.embargo"] >= 2


def test_made_up_dates_are_not_split_by_time(tmp_path: Path) -> None:
    split = TimeSplit(instant_us("2024-03-08"), instant_us("2024-03-15"))
    with pytest.raises(DatasetError, match=r"made_up_dates declares time_splits"):
        made(tmp_path, generator=MadeUpDates(), split=split)
    assert not (tmp_path / "examples").exists()


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path]:
    """Rows of crawlers, of the office, without a visitor, twice, and unreadable."""
    rows = [dict(row) for row in ROWS]
    time = FIRST + timedelta(days=2)
    spans = [time + timedelta(minutes=i) for i in range(9)]
    rows += [made_row("bot", t, "page_view", "/a", agent=CRAWLER) for t in spans[:4]]
    rows += [made_row("clerk", t, "page_view", "/office/1") for t in spans[:5]]
    rows += [made_row("x", t, "page_view", "/b", visitor=None) for t in spans[:3]]
    rows += [ROWS[0], ROWS[0]]
    folder = tmp_path_factory.mktemp("dirty")
    bad = [made_row("bad", time, "page_view", "/", time="not a time"), {"id": "zz"}]
    paths = [
        write_rows(folder / "a.jsonl", rows),
        write_rows(folder / "b.jsonl", [*ROWS[:3], *bad]),
        # A copy of a file: its bad rows are written apart.
        write_rows(folder / "c" / "b.jsonl", [*ROWS[:3], *bad]),
    ]
    with open(folder / "b.jsonl", "a", encoding="utf-8") as file:
        file.write('{"broken": \n')
    options = GenerateOptions(max_bad_share=0.05)
    return generate(MadeShop(), paths, MAPPING, folder / "o", options), folder


def test_what_is_left_out_is_counted_by_reason(dirty, whole: Dataset) -> None:
    counts = dirty[0].manifest["counts"]
    assert counts["events.dropped.bot.crawler"] == 4
    assert counts["events.dropped.exclude.office"] == 5
    assert counts["events.dropped.no_subject"] == 3
    assert counts["events.dropped.duplicate_id"] == 2 + 3 + 3
    bad = {n: c for n, c in counts.items() if n.startswith("rows.bad.")}
    assert sum(bad.values()) == 5
    assert bad["rows.bad.timestamp.unparsable"] == 2
    assert counts["rows.read"] == counts["events.read"] + 5
    dropped = sum(n for name, n in counts.items() if name.startswith("events.dropped"))
    assert counts["events.kept"] == counts["events.read"] - dropped
    assert counts["events.kept"] == whole.manifest["counts"]["events.kept"]
    assert dirty[0].manifest["digest"] == whole.manifest["digest"]


def test_unreadable_rows_lie_in_the_dataset_with_line_reason_and_text(dirty) -> None:
    dataset, folder = dirty
    letters = [
        json.loads(line)
        for path in Path(dataset.path).glob("dead_letters/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(letters) == 5
    places = {
        (Path(each["source"]).relative_to(folder), each["line"]) for each in letters
    }
    assert places == {
        (Path(name), line)
        for name, lines in (("b.jsonl", (4, 5, 6)), ("c/b.jsonl", (4, 5)))
        for line in lines
    }
    one = next(e for e in letters if e["line"] == 4 and "/c/" in e["source"])
    assert one["reason"] == "timestamp.unparsable"
    assert "not a time" in one["raw"] and "Received" in one["detail"]
    assert next(e for e in letters if e["line"] == 6)["raw"].strip() == '{"broken":'


def test_too_many_bad_rows_stop_the_job(tmp_path: Path) -> None:
    rows = [dict(r, time="then") if i % 30 == 0 else r for i, r in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"at most 1.0% bad rows.*line 1: timestamp"):
        made(tmp_path, rows)
    assert not (tmp_path / "examples").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
    assert made(tmp_path, rows, max_bad_share=0.04).manifest["digest"]


def test_an_observed_range_that_nobody_declares_is_estimated(tmp_path: Path) -> None:
    late = made_row("clock", FIRST + timedelta(days=9_000), "page_view", "/page/1")
    many = made_rows(400)
    found = made(tmp_path, [*many, late], mapping=without_observed())
    observed = found.manifest["observed"]
    days = sorted(instant_us(row["time"]) // DAY_US for row in many)
    last = days[int(np.ceil(0.999 * (len(days) + 1))) - 1]
    assert observed["source"] == "estimated"
    assert instant_us(observed["until"]) == (last + 1) * DAY_US
    assert instant_us(observed["from"]) == days[0] * DAY_US


@pytest.fixture
def fragile_rows() -> list[dict]:
    time = FIRST + timedelta(days=3)
    views = (("/page/1", time), ("/fragile", time + timedelta(minutes=1)))
    return [*ROWS, *(made_row("glass", at, "page_view", path) for path, at in views)]


def test_a_subject_that_a_method_raises_on_is_named(tmp_path, fragile_rows) -> None:
    found = made(tmp_path, fragile_rows, Fragile())
    counts = found.manifest["counts"]
    assert counts["subjects.generator_error"] == 1
    assert counts["cutoffs.dropped.generator_error"] == 2
    lines = [
        json.loads(line)
        for path in Path(found.path).glob("dead_letters/subjects-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert lines == [
        {"subject": "glass", "method": "label", "error": "KeyError: 'fragile'"}
    ]


def test_the_other_subjects_are_as_if_it_were_not_there(
    tmp_path, fragile_rows, whole: Dataset
) -> None:
    found = made(tmp_path, fragile_rows, Fragile(), encoder=whole.encoder)
    assert all_examples(found) == all_examples(whole)


def test_too_many_such_subjects_stop_the_job(tmp_path, fragile_rows) -> None:
    with pytest.raises(
        GeneratorError, match=r"1 of \d+; the first: subject='glass' in label\(\): Key"
    ):
        made(tmp_path, fragile_rows, Fragile(), max_bad_share=0.001)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_number_cannot_be_the_subject(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"field='cart' of type 'int'"):
        made(tmp_path, generator=ByCart())


def test_a_field_that_is_not_mapped_is_named(tmp_path: Path) -> None:
    class Unmapped(ByCart):
        subject = "basket"

    with pytest.raises(GeneratorError, match=r"Received: field='basket'"):
        made(tmp_path, generator=Unmapped())


def test_a_field_of_the_wrong_kind_is_named(tmp_path: Path, capfd) -> None:
    with pytest.raises(EncodingError, match=r"url\.path.*Received: "):
        made(tmp_path, generator=WrongKind())
    assert "Traceback" not in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_truncated_file_stops_the_job(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    content = "".join(f"{json.dumps(row)}\n" for row in ROWS).encode()
    path.write_bytes(gzip.compress(content)[:-100])
    with pytest.raises(InputError, match=r"read to its end.*events\.jsonl\.gz"):
        generate(MadeShop(), [str(path)], MAPPING, tmp_path / "examples")
    assert [each.name for each in tmp_path.iterdir()] == ["events.jsonl.gz"]


def test_no_examples_say_where_the_events_went(tmp_path: Path) -> None:
    rows = [dict(row, event="other") for row in ROWS]
    with pytest.raises(DatasetError, match=r"candidates=0.*of the type 'page_view'"):
        made(tmp_path, rows)
    nobody = [dict(row, visitor=None) for row in ROWS]
    with pytest.raises(DatasetError, match=r"no_subject=\d+\). Check the column"):
        made(tmp_path, nobody)
    # As if seconds had been read as milliseconds: all of it long before the range.
    early = [dict(row, time=f"1970-01-20T{row['time'][11:]}") for row in ROWS]
    with pytest.raises(DatasetError, match=r"2024-03-01T00:00:00Z to .* unit of the"):
        made(tmp_path, early)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_files_with_a_header_only_are_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(",".join(ROWS[0]) + "\n")
    with pytest.raises(DatasetError, match=r"rows\.read=0.*no more than a header"):
        generate(MadeShop(), [str(path)], MAPPING, tmp_path / "examples")


def test_a_failed_job_keeps_the_dataset_that_it_would_replace(
    tmp_path: Path, whole: Dataset
) -> None:
    first = made(tmp_path, max_bad_share=1.0)
    with pytest.raises(DatasetError, match="Expected examples"):
        made(tmp_path, [dict(row, event="other") for row in ROWS], replace=True)
    again = Dataset.open(first.path)
    assert again.manifest == first.manifest
    assert all_examples(again) == all_examples(whole)


KILLED = """
import sys
sys.path.append(sys.argv[1])
from zap.beam.generate import generate
from zap.events.mapping import EventMapping
from made_shop import Killed
mapping = EventMapping.load(sys.argv[2])
generate(Killed(), sys.argv[3:4], mapping, sys.argv[4])
"""


@pytest.mark.slow
def test_a_job_killed_in_the_middle_leaves_nothing_that_looks_complete(
    tmp_path: Path,
) -> None:
    path = write_rows(tmp_path / "events.jsonl", ROWS)
    output = tmp_path / "examples"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, SITES, SITES / "made_shop.toml", path, output]
    )
    assert done.returncode == -signal.SIGKILL
    assert not output.exists()
    assert not list(tmp_path.rglob("COMPLETED"))
    assert generate(MadeShop(), [path], MAPPING, output).manifest["digest"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def no_room(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(beam_write, "write_records", no_room)
    with pytest.raises(Exception, match="No space left"):
        made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_records_of_all_parts_are_checked(whole: Dataset) -> None:
    for part in whole.manifest["parts"]:
        records = list(read_records(f"{whole.path}/{part['path']}"))
        assert len(records) == part["visits"]


def test_shards_follow_the_size_and_the_workers() -> None:
    small, large = (StoredFile("a", size, "parquet") for size in (10, 50 * 2**20))
    assert shard_count([small], 1) == 2
    assert shard_count([small], 3) == 6
    assert shard_count([large, large], 1) == 18
    assert shard_count([large, large], 2) == 20


@pytest.mark.parametrize(
    "options",
    [
        {"layout": "rows"},
        {"compression": "zip"},
        {"shards": 0},
        {"max_bad_share": 1.5},
        {"max_bad_share": float("nan")},
    ],
)
def test_options_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(ZapError, match="Received: "):
        GenerateOptions(**options)


def test_sources_are_listed_once(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", ROWS[:2])
    assert len(list_sources([path, path, str(tmp_path)], MAPPING)) == 1


def test_a_job_that_only_seemed_to_end_publishes_nothing(
    tmp_path: Path, monkeypatch
) -> None:
    # As a runner does that calls a job done which somebody has cancelled.
    monkeypatch.setattr("zap.beam.generate.run_pipeline", lambda *_: None)
    with pytest.raises(DatasetError, match=r"without result\.json"):
        made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]

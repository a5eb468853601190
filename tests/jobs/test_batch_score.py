"""Whole jobs of scoring: what a day holds, reruns, selection, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_bundles import deployed
from made_rows import write_files
from made_scored import (
    AT_US,
    HOUR_US,
    MAPPING,
    PAGES,
    WINDOWS,
    archive_of,
    known_then,
    scored_bundle,
    scored_events,
    subjects_of,
)

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.errors import BundleError, DatasetError, InputError, MappingError
from zap.events.mapping import EventMapping
from zap.examples import ANY, event, past
from zap.jobs.batch_score import score
from zap.jobs.score_options import ScoreOptions
from zap.scoring.parquet_output import ParquetOutput
from zap.scoring.question import question_of
from zap.times import DAY_US, iso

EVENTS = scored_events(120, seed=2)
DAY = "2024-03-21"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return scored_bundle(tmp_path_factory.mktemp("bundle") / "made", WINDOWS)


def scored(
    bundle: Bundle, folder: Path, events: Any, *options: Any, **more: Any
) -> dict[str, Any]:
    inputs = archive_of(folder / "archive", events)
    made = ScoreOptions(*options, **more)
    found = score("shop", bundle, inputs, [AT_US], str(folder / "out"), options=made)
    (day,) = found["days"]
    return dict(day)


def bytes_in(folder: Path) -> bytes:
    (path,) = (folder / "out").rglob("*.parquet")
    return path.read_bytes()


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "out" / f"day={DAY}").to_pylist()


def test_neither_shards_nor_what_came_later_show_in_the_file(
    bundle: Bundle, tmp_path: Path
) -> None:
    day = scored(bundle, tmp_path, EVENTS)
    first = bytes_in(tmp_path)
    assert day["counts"]["events.not_yet_known"] == len(EVENTS) - len(
        known_then(EVENTS)
    )
    again = scored(bundle, tmp_path, known_then(EVENTS)[::-1], shards=5)
    assert bytes_in(tmp_path) == first
    assert again["summary"] == day["summary"]
    assert "events.not_yet_known" not in again["counts"]
    assert not (tmp_path / "out" / "_staging").exists()


@pytest.mark.slow
def test_workers_do_not_show_in_the_file(bundle: Bundle, tmp_path: Path) -> None:
    scored(bundle, tmp_path, EVENTS)
    first = bytes_in(tmp_path)
    scored(bundle, tmp_path, EVENTS, beam_args=("--direct_num_workers=2",))
    assert bytes_in(tmp_path) == first


def test_the_summary_is_that_of_the_rows(bundle: Bundle, tmp_path: Path) -> None:
    day = scored(bundle, tmp_path, EVENTS)
    rows, told = rows_in(tmp_path), day["summary"]
    values = sorted(row["probability"] for row in rows)
    assert told["subjects"] == len(rows) == len(subjects_of(EVENTS, "anonymous_id"))
    assert told["mean"] == pytest.approx(sum(values) / len(values), abs=1e-12)
    assert (told["lowest"], told["highest"]) == (values[0], values[-1])
    assert told["quantiles"]["0.5"] == values[(len(values) + 1) // 2 - 1]
    segments = [row["segment"] for row in rows]
    assert told["segments"] == {n: segments.count(n) for n in told["segments"]}
    assert sum(told["segments"].values()) == len(rows)
    assert told["without_events"] == sum(row["events"] == 0 for row in rows) > 0


def late(name: str, hours: int, got_hours: int | None) -> dict[str, Any]:
    time_us = AT_US + hours * HOUR_US
    got = None if got_hours is None else AT_US + got_hours * HOUR_US
    return {
        "event_id": name,
        "anonymous_id": "late",
        "user_id": None,
        "timestamp": time_us,
        "received_at": got,
        "sequence": 0,
        "type": "view",
        "url": "https://shop.example/a",
        "amount": 1.0,
    }


def row_of(event: dict[str, Any]) -> dict[str, Any]:
    got = event["received_at"]
    return {
        "id": event["event_id"],
        "device": event["anonymous_id"],
        "user": event["user_id"],
        "time": iso(event["timestamp"]),
        "received": got and iso(got),
        "number": event["sequence"],
        "event": event["type"],
        "url": event["url"],
        "amount": event["amount"],
    }


def test_a_late_event_without_a_receipt_changes_a_rerun(
    bundle: Bundle, tmp_path: Path
) -> None:
    found = []
    events = [late("a", -5, -5), late("b", -3, 2), late("c", -2, None)]
    for many in (1, 2, 3):
        paths = write_files(tmp_path / "raw", [row_of(e) for e in events[:many]], 1)
        score("shop", bundle, paths, [AT_US], str(tmp_path / "out"))
        (row,) = rows_in(tmp_path)
        found.append((row["events"], row["probability"]))
    assert found[0] == found[1] and [events for events, _ in found] == [1, 1, 2]


def test_an_event_of_several_rows_counts_once_all_of_them_are_known(
    tmp_path: Path,
) -> None:
    folding = MAPPING.to_dict() | {"row_group_key": "order"}
    bundle = scored_bundle(tmp_path / "bundle", WINDOWS, mapping=folding)
    lines = [late("a", -5, None), late("b", -1, None), late("c", 1, None)]
    orders = ("first", "second", "second")
    rows = [{**row_of(e), "order": o} for e, o in zip(lines, orders, strict=True)]
    (paths, alone) = (
        write_files(tmp_path / name, some, 1)
        for name, some in (("raw", rows), ("first", rows[:1]))
    )
    told = score("shop", bundle, paths, [AT_US], str(tmp_path / "out"))
    assert told["days"][0]["counts"]["events.not_yet_known"] == 1
    (row,) = rows_in(tmp_path)
    score("shop", bundle, alone, [AT_US], str(tmp_path / "out"))
    assert rows_in(tmp_path) == [row]
    later = AT_US + 2 * HOUR_US
    told = score("shop", bundle, paths, [later], str(tmp_path / "out"))
    assert "events.not_yet_known" not in told["days"][0]["counts"]


def test_selection_is_that_of_training(tmp_path: Path) -> None:
    bundle = scored_bundle(
        tmp_path / "bundle",
        PAGES,
        model="gru",
        max_subject_events=6,
        exclude={"searches": event("search").to_dict()},
    )
    day = scored(bundle, tmp_path, EVENTS)
    known = [e for e in known_then(EVENTS) if e["type"] != "search"]
    # Without what is excluded; rows that come twice count twice, as they are read.
    sizes = {
        name: sum(e["anonymous_id"] == name for e in known)
        for name in {e["anonymous_id"] for e in known}
    }
    wanted = {name for name, size in sizes.items() if size <= 6}
    assert {row["subject"] for row in rows_in(tmp_path)} == wanted
    counts = day["counts"]
    assert counts["histories.dropped.max_subject_events"] == len(sizes) - len(wanted)
    searches = [e for e in known_then(EVENTS) if e["type"] == "search"]
    assert counts["events.dropped.exclude.searches"] == len(searches)


def test_only_the_eligible_if_that_is_asked(tmp_path: Path) -> None:
    eligible = past(days=2).any(event(ANY))
    bundle = scored_bundle(tmp_path / "bundle", WINDOWS)
    generator = bundle.json("generator.json")
    with pytest.raises(BundleError, match="without --eligible"):
        question_of(bundle, eligible=True)
    selection = {**generator["selection"], "eligible": eligible.to_dict()}
    described = {"name": "scored", "subject": "anonymous_id", "definition": selection}
    bundle = rewritten(bundle, tmp_path / "asked", described)
    day = scored(bundle, tmp_path, EVENTS, eligible=True)
    wanted = {
        e["anonymous_id"]
        for e in known_then(EVENTS)
        if e["timestamp"] >= AT_US - 2 * DAY_US
    }
    assert {row["subject"] for row in rows_in(tmp_path)} == wanted
    everybody = subjects_of(EVENTS, "anonymous_id")
    dropped = day["counts"]["subjects.dropped.not_eligible"]
    assert dropped == len(everybody) - len(wanted) > 0


def rewritten(bundle: Bundle, path: Path, generator: dict[str, Any]) -> Bundle:
    from zap.bundles.bundle import write_bundle

    files = {name: bundle.read(name) for name in bundle.files}
    info = {k: v for k, v in bundle.info.items() if k not in ("files", "sealed")}
    return write_bundle(path, {**files, "generator.json": generator}, info)


@pytest.mark.slow
def test_several_days_are_each_as_alone(bundle: Bundle, tmp_path: Path) -> None:
    inputs = archive_of(tmp_path / "archive", EVENTS)
    times = [AT_US - 2 * DAY_US, AT_US]
    score("shop", bundle, inputs, times, str(tmp_path / "both"))
    for at_us in times:
        alone = tmp_path / f"alone-{at_us}"
        score("shop", bundle, inputs, [at_us], str(alone))
        (path,) = alone.rglob("*.parquet")
        same = tmp_path / "both" / path.relative_to(alone)
        assert same.read_bytes() == path.read_bytes()


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    made = scored_bundle(tmp_path / "bundle", WINDOWS)
    version = deployed(tmp_path / "models", made)
    inputs = archive_of(tmp_path / "archive", EVENTS)
    output = tmp_path / "out"
    given = ["score", "shop", "--registry", str(tmp_path / "models")]
    given += ["--input", *inputs, "--output", str(output)]
    assert main([*given, "--at", iso(AT_US), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == version and found["days"][0]["newest_event"] <= DAY
    assert main([*given, "--at", iso(AT_US), "--version", version[:6]]) == 0
    assert "segment very high" in capsys.readouterr().out
    for wrong, words in (
        ([], "time of reference"),
        (["--at", DAY, "--at", f"{DAY}T06:00Z"], "days of their own"),
        (["--days", "2024-03-05..2024-03-01"], "from the first to the last"),
        (["--days", f"{DAY}.."], "from the first to the last"),
        (["--days", f"..{DAY}"], "from the first to the last"),
        (["--at", DAY, "--shards", "-1"], "at least one shard"),
        (["--at", DAY, "--max-bad-share", "nan"], "from 0 to 1"),
        (["--at", "1999-01-01"], "Check the time of reference"),
        (["--at", DAY, "--version", "0000"], "Expected one version"),
        (["--at", DAY, "--mapping", "nothing.toml"], "nothing.toml"),
    ):
        assert main([*given, *wrong]) == 2
        assert words in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == [f"day={DAY}"]


def test_too_many_bad_rows_publish_nothing_and_are_kept(
    bundle: Bundle, tmp_path: Path
) -> None:
    inputs = archive_of(tmp_path / "archive", EVENTS)
    bad = tmp_path / "archive" / "bad.jsonl"
    bad.write_text('{"id": "x", "device": "d", "time": "never", "event": "view"}\n' * 9)
    output = tmp_path / "out"
    with pytest.raises(InputError, match=r"at most 1\.0% bad rows"):
        score("shop", bundle, [*inputs, str(bad)], [AT_US], str(output))
    (letters,) = (output / "_dead_letters" / f"day={DAY}").iterdir()
    assert len(letters.read_text().splitlines()) == 9
    assert [path.name for path in output.iterdir()] == ["_dead_letters"]
    options = ScoreOptions(max_bad_share=0.5)
    found = score(
        "shop", bundle, [*inputs, str(bad)], [AT_US], str(output), None, options
    )
    assert found["days"][0]["dead_letters"] == str(output / f"_dead_letters/day={DAY}")
    score("shop", bundle, inputs, [AT_US], str(output))
    assert not (output / "_dead_letters" / f"day={DAY}").exists()


def test_a_day_that_cannot_be_published_leaves_the_former_letters(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a run whose predictions nobody sees are not told of."""
    inputs = archive_of(tmp_path / "archive", EVENTS)
    bad = tmp_path / "bad.jsonl"
    row = '{"id": "x", "device": "d", "time": "never", "event": "view"}\n'

    def scored(rows: int, output: Path) -> None:
        bad.write_text(row * rows)
        options = ScoreOptions(max_bad_share=0.5)
        all_of = [*inputs, str(bad)]
        score("shop", bundle, all_of, [AT_US], str(output), None, options)

    scored(2, tmp_path / "out")
    with monkeypatch.context() as full:
        full.setattr(ParquetOutput, "publish", _no_room)
        for output in ("out", "new"):
            with pytest.raises(DatasetError, match="no room"):
                scored(9, tmp_path / output)
    (letters,) = (tmp_path / "out" / "_dead_letters" / f"day={DAY}").iterdir()
    assert len(letters.read_text().splitlines()) == 2
    assert list((tmp_path / "new").iterdir()) == []


def _no_room(*_: Any) -> Any:
    raise DatasetError("no room")


def test_a_mapping_with_dimensions_must_be_given(tmp_path: Path) -> None:
    told = MAPPING.to_dict() | {
        "dimensions": [
            {
                "name": "plans",
                "input": "plans.csv",
                "valid_from": "since",
                "fields": {"anonymous_id": "device"},
                "properties": {"plan": {"column": "plan", "type": "string"}},
            }
        ]
    }
    assert EventMapping.from_dict(told).dimensions
    made = scored_bundle(tmp_path / "bundle", WINDOWS, mapping=told)
    with pytest.raises(MappingError, match="--mapping FILE"):
        score("shop", made, ["x.jsonl"], [AT_US], str(tmp_path / "out"))


def test_a_bundle_that_was_replaced_meanwhile_is_refused(tmp_path: Path) -> None:
    from zap.beam.score import Model

    made = scored_bundle(tmp_path / "bundle", WINDOWS)
    with pytest.raises(BundleError, match="was replaced meanwhile"):
        Model("shop", "0" * 16, str(made.path)).load()
    deployed(tmp_path / "models", made)
    assert Registry(tmp_path / "models", "shop").live() == made.version

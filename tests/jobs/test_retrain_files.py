"""The files of an application and of its runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_weeks import MAPPING, weekly_rows

from zap.bundles.bundle import write_bundle
from zap.bundles.registry import Registry
from zap.errors import InputError, RegistryError
from zap.evaluation.gate_plots import places_of
from zap.evaluation.retraining_page import retraining_html
from zap.events.mapping import EventMapping
from zap.examples.registry import load_generator
from zap.jobs.inputs import RawInput
from zap.jobs.retrain.application import (
    Application,
    keep,
    load,
    local_folder,
    settled,
)
from zap.jobs.retrain.runs import (
    PASSED,
    REFUSED,
    RunFolder,
    Stage,
    accepted_before,
    finite,
    run_name,
)
from zap.jobs.retrain.validate import references, said_of
from zap.jobs.retrain.window import newest_until
from zap.times import DAY_US, instant_us


def test_an_application_has_a_round_trip() -> None:
    one = Application("shop", ("a", "b"), window_days=14, model={"units": 8})
    said = json.loads(json.dumps(one.to_dict()))
    assert Application.from_dict(said) == one


def test_options_make_the_file_once_and_hold_for_one_run_later(tmp_path: Path) -> None:
    made = settled(tmp_path, {"generator": "shop", "window_days": 14})
    assert not (tmp_path / "application.json").exists()  # who knows if it is of use
    keep(tmp_path, made)
    assert load(tmp_path / "application.json") == made
    other = settled(tmp_path, {"window_days": 21})
    assert (other.window_days, other.generator) == (21, "shop")
    keep(tmp_path, other)
    assert settled(tmp_path, {}) == made


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "Expected the application's generator"),
        ({"generator": "x", "windows": 3}, "windows=3"),
        ({"generator": "x", "window_days": 6}, "7 to 60"),
        ({"generator": "x", "window_days": 61}, "7 to 60"),
        ({"generator": "x", "holdout_days": 28}, "holdout_days=28"),
        ({"generator": "x", "data": {"volumes": 2}}, r"data\.volumes=2"),
        ({"generator": "x", "data": {"volume": 0}}, r"data\.volume=0"),
        ({"generator": "x", "quality": {"draws": 0}}, r"quality\.draws=0"),
        ({"generator": "x", "validation": 1.5}, "validation=1.5"),
        ({"generator": "x", "references": 0}, "references=0"),
        ({"generator": "x", "warm_start": "no"}, "warm_start='no'"),
        ({"generator": 7}, "Expected a text. Received: generator=7"),
        ({"generator": "x", "input": "abc"}, "list of paths. Received: input='abc'"),
        ({"generator": "x", "model": 7}, "object of settings. Received: model=7"),
        ({"generator": "x", "window_days": "28"}, "window_days='28'"),
        ({"generator": "x", "references": True}, "references=True"),
    ],
)
def test_what_makes_no_application_is_told(said: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Application.from_dict(said)


def test_a_file_that_is_no_json_is_told(tmp_path: Path) -> None:
    (tmp_path / "application.json").write_text("[")
    with pytest.raises(InputError, match="describes an application"):
        load(tmp_path / "application.json")


def test_a_form_of_days_is_filled_in_where_there_are_files(tmp_path: Path) -> None:
    for day in ("2024-03-02", "2024-03-03", "2024-03-05"):
        (tmp_path / f"day={day}").mkdir()
    form = str(tmp_path / "day=%Y-%m-%d")
    first = instant_us("2024-03-03")
    found = Application("x", (form, "plain")).paths(first, first + 3 * DAY_US)
    names = [str(tmp_path / f"day=2024-03-{day}") for day in ("03", "05")]
    assert found == (*names, "plain")


def test_a_remote_registry_is_refused() -> None:
    with pytest.raises(RegistryError, match="registry in a folder"):
        local_folder("s3://bucket/models", "shop")


def test_names_of_runs_sort_by_the_end_of_their_windows() -> None:
    names = [run_name(instant_us(d), "f" * 64) for d in ("2024-03-15", "2024-12-01")]
    assert names == sorted(names)
    assert names[0] == "2024-03-15T000000Z-ffffffff"


def test_a_stage_that_is_damaged_is_told(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "r")
    run.write("window", Stage(PASSED, "well", {"a": math.nan}, {}), 1.0)
    assert run.read("window")["figures"] == {"a": None}
    run.file("window").write_text("{")
    with pytest.raises(RegistryError, match="file of a stage"):
        run.read("window")


def test_only_earlier_accepted_runs_are_the_past(tmp_path: Path) -> None:
    for day, verdict in ((1, "passed"), (2, "refused"), (3, "passed"), (4, "passed")):
        run = RunFolder(tmp_path / "runs" / f"run-{day}")
        run.write("data", Stage(verdict, "", {"until_us": day}, {}), 0)
    found = accepted_before(tmp_path, 4)
    assert [each["until_us"] for each in found] == [1, 3]


def test_the_past_begins_at_what_was_trusted(tmp_path: Path) -> None:
    for day, more in ((1, {}), (2, {"trusted": {"who": "ada"}}), (3, {})):
        run = RunFolder(tmp_path / "runs" / f"run-{day}")
        run.write("data", Stage(PASSED, "", {"until_us": day, **more}, {}), 0)
    assert [each["until_us"] for each in accepted_before(tmp_path, 4)] == [2, 3]
    assert [each["until_us"] for each in accepted_before(tmp_path, 2)] == [1]


def test_numbers_that_are_none_are_null() -> None:
    assert finite({"a": [math.inf, 1.5], "b": (math.nan,)}) == {
        "a": [None, 1.5],
        "b": [None],
    }


def test_the_end_of_the_data_is_declared_or_told_by_days(tmp_path: Path) -> None:
    rows = weekly_rows(2, 50)
    for row in rows:
        day = f"day={str(row['time'])[:10]}"
        with (tmp_path / f"{day}.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
    generator = load_generator("made_weeks:WeeklyShop")
    mapping = EventMapping.load(MAPPING)
    paths = (str(tmp_path / "day=%Y-%m-%d.jsonl"),)
    declared = RawInput(generator, mapping, paths)
    assert newest_until(declared) == instant_us("2024-06-01")
    silent = RawInput(generator, replace(mapping, observed=None), paths)
    assert newest_until(silent) == instant_us("2024-03-15")


def test_a_damaged_version_is_passed_over_and_told(tmp_path: Path) -> None:
    registry = Registry(tmp_path, "shop")
    old, new = (
        registry.add(write_bundle(tmp_path / name, {"a.json": {name: 1}}, {}))
        for name in ("old", "new")
    )
    mark = tmp_path / "shop" / "versions" / old / "COMPLETED"
    mark.chmod(0o644)
    mark.write_text("0" * 64 + "\n")
    work: Any = SimpleNamespace(
        registry=registry, application=SimpleNamespace(references=8)
    )
    nothing: Any = None
    found, passed_over = references(work, nothing, nothing, new)
    assert found == [] and list(passed_over) == [old]
    assert "has changed" in passed_over[old]


def test_that_the_live_version_was_not_compared_is_said() -> None:
    beside = {"difference": 0.1, "bound": 0.05, "what": "the baseline", "version": None}
    figures = {"live": "a" * 16, "beside": [beside], "passed_over": {"a" * 16: "why"}}
    assert said_of(figures).endswith(
        f"not held against the live version {'a' * 16}: why"
    )
    assert "not held" not in said_of({**figures, "passed_over": {"b" * 16: "why"}})


def test_a_page_says_what_was_held_out(tmp_path: Path) -> None:
    figures = {"from": "2024-03-01", "until": "2024-03-15"}
    for held_out, words in (
        ("2024-03-08", "Examples from 2024-03-08 on are held out"),
        (None, "A part of the subjects is held out"),
    ):
        window = Stage(REFUSED, "none", {**figures, "held_out_from": held_out}, {})
        run = RunFolder(tmp_path / str(held_out))
        run.write("window", window, 1.0)
        html, _ = retraining_html("shop", run.name, run.stages(), [])
        assert words in html


@pytest.mark.parametrize(
    ("low", "high", "value", "place"),
    [
        (25.0, 400.0, 100.0, 0),  # a quarter to four times of what is usual
        (25.0, 400.0, 62.5, -0.5),
        (25.0, 400.0, 250.0, 0.5),
        (None, 150.0, 75.0, -0.5),  # the other bound is taken to be as far
        (None, 150.0, 150.0, 1),
        (100.0, 100.4, 101.0, 2.5),  # nothing below is possible
    ],
)
def test_a_check_is_drawn_between_its_bounds(
    low: float | None, high: float, value: float, place: float
) -> None:
    check = {"past": [90.0, 100.0, 500.0], "low": low, "high": high}
    assert places_of(check, [value]).tolist() == [pytest.approx(place)]


def test_a_page_tells_the_difference_in_calibration(tmp_path: Path) -> None:
    window = {"from": "2024-03-01", "until": "2024-03-15", "held_out_from": None}
    beside = {"what": "the live version", "version": "a" * 16, "passed": True}
    beside |= {"auc_new": 0.7, "auc": 0.7, "difference": 0.0, "bound": -0.01}
    beside |= {"low": -0.02, "high": 0.02, "margin": -0.1}
    calibration = {"ece": 0.12, "null_95": 0.06, "ece_live": 0.09, "passed": True}
    calibration |= {"worse_low": -0.005, "worse_high": 0.08}
    held = {"rows": 9, "subjects": 9, "beside": [beside], "calibration": calibration}
    held |= {"passed_over": {}, "slices": []}
    run = RunFolder(tmp_path)
    run.write("window", Stage(PASSED, "", window, {}), 1.0)
    run.write("validate", Stage(PASSED, "", held, {}), 1.0)
    html, _ = retraining_html("shop", run.name, run.stages(), [])
    assert "0.090, and the new one less that is -0.005 to +0.080 (95 %)" in html
